// Sends numbered packets, 1, 2, 3, …, at a rate until its standard input ends:
// `numbered-sender.js INTERFACE PACKETS_PER_SECOND SEED`. Says `{"sent":…,"elapsedMs":…}` then.
import { setTimeout as delay } from 'node:timers/promises';
import { interfaces, PacketSender } from '@bpfleet/linux';
import { classedFrame } from './numbered-packets.js';

const [device, rate, seed] = process.argv.slice(2);
const packetsPerSecond = Number(rate);
/** After a pause it catches up by so many at a time, so that it hears soon when it is to stop. */
const MOST_AT_ONCE = 2_000;

const sender = PacketSender.open({ interfaceIndex: interfaces().find(({ name }) => name === device)!.index });
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
  for (let from = 0; from < frames.length; ) from += sender.send(frames.slice(from));
  sent += frames.length;
  await delay(1);
}
process.stdout.write(`${JSON.stringify({ sent, elapsedMs: performance.now() - begin })}\n`);
sender.close();
