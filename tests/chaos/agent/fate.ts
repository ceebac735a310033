import type { LossLedger } from '@bpfleet/contract';
import type { OneHost } from './one-host.js';

/** What became of packets that passed the program, by the ledgers. */
export interface Fate {
  captured: number;
  dropped: number;
  lost: number;
}

/** Of the desired state, where nobody says otherwise. */
const FLUSH_WINDOW_S = 0.2;
/** `BLOCK_BYTES` of the opener's rings. */
const RING_BLOCK_BYTES = 256 * 1024;
/** Of a numbered packet in a ring, at the least: TPACKET3_HDRLEN and its snaplen. */
const RING_PACKET_BYTES = 68 + 96;

/** `BLOCK_TIMEOUT_MS` of the opener's rings. */
const RING_BLOCK_MS = 50;

/** So long a ring holds what comes while nobody reads, at the least, where packets are too few to fill its blocks sooner (docs/30-capture-agent.md). */
export const ringHoldsMs = (ringBytes: number): number => (ringBytes / RING_BLOCK_BYTES) * RING_BLOCK_MS;

/** What one kill -9 may cost of what the kernel did not drop: one flush window and one block of a ring. */
export const mostLostByKill = (packetsPerSecond: number): number =>
  Math.ceil(packetsPerSecond * FLUSH_WINDOW_S) + Math.floor(RING_BLOCK_BYTES / RING_PACKET_BYTES);

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
