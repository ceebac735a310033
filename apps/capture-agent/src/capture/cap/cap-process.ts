// Has the package `cap`, and nothing else: it opens interfaces as it is told and passes every packet on. A process of its own,
// since `cap` ends its process when an interface goes down, works only on the main loop, and loses packets while that is busy.
import { writeSync } from 'node:fs';
import { type CapHandle, openCap } from '@bpfleet/linux';
import { arrivalClock } from './arrival-clock.js';
import type { CapNews, CapOrder } from './cap-messages.js';
import { PacketFrameWriter } from './packet-frames.js';

const PACKETS = 4;
/** What `cap` asks libpcap for, whatever we want. */
const LARGEST_PACKET_BYTES = 65_535;

const nowUs = arrivalClock();
const packet = Buffer.alloc(LARGEST_PACKET_BYTES);
const writer = new PacketFrameWriter(writeWhole);
const open = new Map<number, CapHandle>();
/** Never collected as garbage: its destructor would use what was not made (uv_poll_stop of binding.cc). */
const failed: CapHandle[] = [];

process.on('message', carryOut);
// Ctrl-C and the end of a service reach every process; whoever has started this one says when it is done.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
// Whoever has started it is gone.
process.once('disconnect', () => process.exit(0));

function carryOut(order: CapOrder): void {
  switch (order.kind) {
    case 'open':
      openDevice(order.device, order.name, order.bufferBytes);
      break;
    case 'close':
      open.get(order.device)?.close();
      open.delete(order.device);
      break;
    case 'stop':
      for (const handle of open.values()) handle.close();
      writer.flush();
      process.disconnect();
      break;
  }
}

function openDevice(device: number, name: string, bufferBytes: number): void {
  const handle = openCap();
  handle.on('packet', (sizeBytes) => {
    if (writer.isEmpty) setImmediate(() => writer.flush());
    writer.add(device, nowUs(), packet.subarray(0, sizeBytes));
  });
  try {
    // No filter: libpcap would compile a text, and cannot take a program.
    const linkType = handle.open(name, '', bufferBytes, packet);
    open.set(device, handle);
    tell({ kind: 'opened', device, linkType });
  } catch (error) {
    failed.push(handle);
    tell({ kind: 'failed', device, reason: (error as Error).message });
  }
}

function tell(news: CapNews): void {
  process.send!(news);
}

/** Waits while the other side is slow: what comes meanwhile is libpcap's to keep, or to drop. */
function writeWhole(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(PACKETS, bytes, at);
}
