import type { LossLedger } from '@bpfleet/contract';
import type { OneHost } from './one-host.js';

/** What became of packets that passed the program, by the ledgers. */
export interface Fate {
  captured: number;
  dropped: number;
  lost: number;
}

/**
 * The flush window: this much or this long, whichever comes first. The agent lets a section that fills sooner grow for some
 * time (section-assembler.ts); what a kill may cost does not grow with it.
 */
const FLUSH_WINDOW_BYTES = 64 * 1024;
const FLUSH_WINDOW_S = 0.2;
/** Of each numbered packet, the snaplen of `push`. */
const SNAPLEN_BYTES = 96;
/** Of a numbered packet in a section: an Enhanced Packet Block without options, and what it captured (pcapng, 4.3). */
export const SECTION_PACKET_BYTES = 32 + SNAPLEN_BYTES;
/** `BLOCK_BYTES` of the opener's rings. */
const RING_BLOCK_BYTES = 256 * 1024;
/** Of a numbered packet in a ring, at the least: TPACKET3_HDRLEN and its snaplen. */
const RING_PACKET_BYTES = 68 + SNAPLEN_BYTES;

/** `BLOCK_TIMEOUT_MS` of the opener's rings. */
const RING_BLOCK_MS = 50;

/** So long a ring holds what comes while nobody reads, at the least, where packets are too few to fill its blocks sooner (docs/30-capture-agent.md). */
export const ringHoldsMs = (ringBytes: number): number => (ringBytes / RING_BLOCK_BYTES) * RING_BLOCK_MS;

/** What one kill -9 may cost of what the kernel did not drop, in packets: one flush window and one block of a ring. */
export function killBar(packetsPerSecond: number): { readonly most: number; readonly says: string } {
  const inTime = Math.ceil(packetsPerSecond * FLUSH_WINDOW_S);
  const window = Math.min(inTime, Math.ceil(FLUSH_WINDOW_BYTES / SECTION_PACKET_BYTES));
  const block = Math.floor(RING_BLOCK_BYTES / RING_PACKET_BYTES);
  const most = window + block;
  return { most, says: `${most}: ${window} of a flush window, ${block} of a ring block` };
}

export const noFate = (): Fate => ({ captured: 0, dropped: 0, lost: 0 });

export function add(sum: Fate, { captured, dropped, lost }: Fate): Fate {
  sum.captured += captured;
  sum.dropped += dropped;
  sum.lost += lost;
  return sum;
}

/** Of the epoch before, by the word of the one after it. */
export const fateBefore = ({ before }: Pick<LossLedger, 'before'>): Fate => ({
  captured: Number(before!['before-captured']),
  dropped: Number(before!['before-dropped']),
  lost: Number(before!['before-lost']),
});

export const fateOf = ({ agent, sockets }: LossLedger): Fate => ({
  captured: agent.captured,
  dropped: sockets.reduce((sum, { droppedByKernel }) => sum + droppedByKernel, 0),
  lost: 0,
});

/** With what the process that runs now says of itself. */
export async function untilAddsUp(rig: OneHost, before: Fate, sent: number): Promise<Fate> {
  let all = before;
  const what = `the ledgers to add up to ${sent} sent, with ${JSON.stringify(before)} of processes before`;
  await rig.untilStatus(what, ({ ledger }) => {
    all = add({ ...before }, fateOf(ledger!));
    return all.captured + all.dropped >= sent;
  });
  return all;
}
