import { readFileSync } from 'node:fs';
import { interfaces, PacketSender } from '@bpfleet/linux';
import { readCapture } from '@bpfleet/section';

/**
 * A process that sends the frames of a capture file at a rate, round and round until the count is reached:
 *
 *     node send-frames.js FILE INTERFACE PACKETS_PER_SECOND [COUNT]
 *
 * Says `{"sent":…,"skipped":…,"elapsedMs":…}` at its end. Skipped are frames the interface cannot carry: longer than
 * its MTU, cut in the file, or without an Ethernet header. Ends early, saying so far, with its standard input.
 */
const [file, interfaceName, rate, count] = process.argv.slice(2);
if (file === undefined || interfaceName === undefined || !(Number(rate) > 0)) {
  process.stderr.write('usage: send-frames FILE INTERFACE PACKETS_PER_SECOND [COUNT]\n');
  process.exit(2);
}
const device = interfaces().find(({ name }) => name === interfaceName);
if (device === undefined) {
  process.stderr.write(`there is no interface ${interfaceName}\n`);
  process.exit(1);
}

/** LINKTYPE_ETHERNET */
const ETHERNET = 1;
/** An Ethernet header, and a VLAN tag on top of the MTU, which the kernel allows. */
const headerBytes = 14 + 4;
let skipped = 0;
const frames: Uint8Array[] = [];
for (const { bytes, wireLength, linkType } of readCapture(readFileSync(file))) {
  const fits = linkType === ETHERNET && bytes.length === wireLength && bytes.length <= device.mtu + headerBytes;
  if (fits) frames.push(bytes.slice());
  else skipped++;
}

const stop = new AbortController();
process.stdin.resume().once('end', () => stop.abort());
const sender = PacketSender.open({ interfaceIndex: device.index });
const begin = performance.now();
const total = count === undefined ? frames.length : Number(count);
const paced = { packetsPerSecond: Number(rate), count: total, signal: stop.signal };
const sent = frames.length === 0 ? 0 : await sender.sendPaced(frames, paced);
process.stdout.write(`${JSON.stringify({ sent, skipped, elapsedMs: performance.now() - begin })}\n`);
sender.close();
process.exit();
