// The capture thread: blocks in poll(2), so orders are fetched, not delivered by an event loop.
import { performance } from 'node:perf_hooks';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { WakeUp } from '@bpfleet/linux';
import { SectionWriter } from '@bpfleet/section';
import type { CaptureNews, CaptureOrder, CaptureThreadData } from './capture-messages.js';
import type { ClosedSection } from './packet-source.js';
import { RingLoop } from './ring-loop.js';
import { SECTION_CAPACITY_BYTES, SectionAssembler } from './section-assembler.js';

/** At most this long in poll(2): how late a flush window may end when nothing arrives. */
const TURN_MS = 50;

const data = workerData as CaptureThreadData;
const port = parentPort!;
const tell = (news: CaptureNews, transfer: readonly ArrayBuffer[] = []): void => port.postMessage(news, [...transfer]);

const writer = new SectionWriter({
  hardware: data.hardware,
  operatingSystem: data.operatingSystem,
  application: data.application,
  capacityBytes: SECTION_CAPACITY_BYTES,
});
const emit = (section: ClosedSection): void =>
  tell({ kind: 'section', section }, [section.bytes.buffer as ArrayBuffer]);
const assembler = new SectionAssembler(writer, emit);
const wakeUp = WakeUp.ofDescriptor(data.wakeUpDescriptor);
const loop = new RingLoop(assembler, wakeUp, data.ringBudgetBytes, () => performance.now());

tell({ kind: 'ready' });
for (let running = true; running; ) {
  loop.turn(TURN_MS);
  for (let message = receiveMessageOnPort(port); message && running; message = receiveMessageOnPort(port)) {
    running = carryOut(message.message as CaptureOrder);
  }
}
port.close();

function carryOut(order: CaptureOrder): boolean {
  if (order.kind === 'apply') {
    tell({ kind: 'answer', id: order.id, states: loop.apply(order.targets, order.flushWindowMs) });
  } else if (order.kind === 'report') {
    tell({ kind: 'answer', id: order.id, states: loop.report() });
  } else {
    loop.stop();
    tell({ kind: 'answer', id: order.id, states: [] });
    return false;
  }
  return true;
}
