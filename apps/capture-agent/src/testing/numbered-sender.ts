// Sends numbered packets, 1, 2, 3, …, at a rate until its standard input ends:
// `numbered-sender.js INTERFACES PACKETS_PER_SECOND SEED`, by turns to each of `eth0,eth1` (`placeOf`). Says `{"sent":…,"elapsedMs":…}` then.
import { setTimeout as delay } from 'node:timers/promises';
import { interfaces, PacketSender } from '@bpfleet/linux';
import { classedFrame, IN_A_ROW, placeOf } from './numbered-packets.js';

const [devices, rate, seed] = process.argv.slice(2);
const packetsPerSecond = Number(rate);
/** After a pause it catches up by so many at a time, so that it hears soon when it is to stop. */
const MOST_AT_ONCE = 2_000;

const indexes = new Map(interfaces().map(({ name, index }) => [name, index]));
const senders = devices!.split(',').map((name) => PacketSender.open({ interfaceIndex: indexes.get(name)! }));
let isStopping = false;
process.stdin.resume().once('end', () => {
  isStopping = true;
});
const begin = performance.now();
let sent = 0;
while (!isStopping) {
  const due = Math.floor(((performance.now() - begin) * packetsPerSecond) / 1000) - sent;
  const first = sent + 1;
  const frames = Array.from({ length: Math.min(due, MOST_AT_ONCE) }, (_, index) =>
    classedFrame(first + index, Number(seed)),
  );
  // Fewer are taken when the interface's queue is full.
  for (let from = 0; from < frames.length; ) {
    const left = IN_A_ROW - ((first + from) % IN_A_ROW);
    const row = frames.slice(from, senders.length === 1 ? frames.length : from + left);
    from += senders[placeOf(first + from, senders.length)]!.send(row);
  }
  sent += frames.length;
  await delay(1);
}
process.stdout.write(`${JSON.stringify({ sent, elapsedMs: performance.now() - begin })}\n`);
for (const sender of senders) sender.close();
