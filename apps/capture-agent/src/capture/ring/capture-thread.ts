// The capture thread: blocks in poll(2), so orders are fetched, not delivered by an event loop.
import { performance } from 'node:perf_hooks';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { PacketSocket, WakeUp } from '@bpfleet/linux';
import { SectionWriter } from '@bpfleet/section';
import type { CaptureSocket } from '../../border/opener-port.js';
import { SegmentWriter } from '../../spool/segment-writer.js';
import { keptMemory } from '../sections/kept-memory.js';
import { OpenSection, type RingPosition } from '../sections/open-section.js';
import { openSectionFile } from '../sections/open-section-file.js';
import { SECTION_CAPACITY_BYTES, SectionAssembler } from '../sections/section-assembler.js';
import { SpoolSink } from '../sections/spool-sink.js';
import type { CaptureNews, CaptureOrder, CaptureThreadData } from './capture-messages.js';
import { CaptureSession } from './capture-session.js';
import { KEPT_TIMES_FILE, KeptTimes } from './kept-times.js';
import { Notice } from './notice.js';
import { RingReader } from './ring-reader.js';
import { CopyingSocket } from './runs/copying-socket.js';

/** At most this long in poll(2): how late a budget's second may end when nothing arrives. */
const TURN_MS = 500;

const data = workerData as CaptureThreadData;
const port = parentPort!;
const tell = (news: CaptureNews, transfer: readonly ArrayBuffer[] = []): void => port.postMessage(news, [...transfer]);
const nowMs = (): number => performance.now();
/** CLOCK_BOOTTIME at `performance.now()` 0, as the main thread found it. */
const bootNowMs = (): number => data.bootTimeOriginMs + performance.timeOrigin - data.timeOriginMs + performance.now();

const file = openSectionFile(data.spoolFolder);
const open = new OpenSection(file.memory);
open.take(data.epoch);
const spooled = new Notice(data.spooledNotice);
const segments = new SegmentWriter({ folder: data.spoolFolder, firstSegment: data.firstSegment });
const sink = new SpoolSink(
  { agent: data.agent, epoch: data.epoch, boot: data.boot, nowMs: bootNowMs },
  segments,
  () => spooled.give() && tell({ kind: 'spooled' }),
  (header, bytes, { code, message }) => tell({ kind: 'refused', header, bytes, code, message }, [bytes.buffer]),
);
const { hardware, operatingSystem, application } = data;
const origin = { hardware, operatingSystem, application };
const writer = new SectionWriter({ ...origin, capacityBytes: SECTION_CAPACITY_BYTES, buffer: open.buffer });
const assembler: SectionAssembler = new SectionAssembler(writer, sink, totals, open);
const wakeUp = WakeUp.ofDescriptor(data.wakeUpDescriptor);
const reader = new RingReader(assembler, wakeUp, nowMs);
const times = new KeptTimes(keptMemory(data.spoolFolder, KEPT_TIMES_FILE, KeptTimes.sizeBytes).memory);
const session = new CaptureSession(reader, assembler, adopt, tell, nowMs, times);

tell({ kind: 'ready' });
for (let running = true; running; ) {
  // Before the turn: what comes while it lasts may still be unread at its end.
  const turnsAtMs = Date.now();
  const isAllRead = reader.turn(TURN_MS);
  session.tick();
  if (isAllRead && session.readsAll) open.read(turnsAtMs);
  open.leftOut(session.leftOut());
  for (let message = receiveMessageOnPort(port); message && running; message = receiveMessageOnPort(port)) {
    const order = message.message as CaptureOrder;
    if (order.kind === 'spool') {
      sink.again(order.section.header, order.section.bytes);
      tell({ kind: 'tried', id: order.id });
    } else running = session.carryOut(order);
  }
}
segments.close();
port.close();

function totals() {
  const { passed: kernelPassed, dropped: kernelDropped } = session.kernelTotals();
  const { sampledOut, overBudget } = session.leftOutByFilters();
  return { kernelPassed, kernelDropped, sampledOut, overBudget, taken: assembler.taken, more: data.ledgerBefore };
}

function adopt(socket: CaptureSocket, fd: number, countFrom: RingPosition | undefined) {
  const { id, ring, isShared, branches, wasRead } = socket;
  const { name, cooked } = branches[0]!.interfaces[0]!;
  const adopted = PacketSocket.adopt(fd, {
    geometry: { blockBytes: ring.blockBytes, blockCount: ring.blockCount },
    skipOutgoing: ring.skipOutgoing,
    resume: wasRead,
    countFrom,
    subject: isShared ? 'all interfaces' : name,
  });
  // Runs are of one interface, with headers as they are in the ring.
  if (file.descriptor === undefined || isShared || cooked) return adopted;
  const section = { descriptor: file.descriptor, sizeBytes: file.memory.byteLength };
  const ringBytes = ring.blockBytes * ring.blockCount;
  const copying = CopyingSocket.of(adopted, section, ringBytes, (error) =>
    tell({ kind: 'uncopied', socket: id, reason: String(error) }),
  );
  if (copying !== adopted) tell({ kind: 'mapped', socket: id, bytes: 2 * ringBytes });
  return copying;
}
