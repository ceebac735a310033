import { untilAsked, untilTailed } from './latencies.js';
import type { StoreRig } from './store-rig.js';

const PACKETS_PER_SECOND = 10_000;
/** Of so many packets a second the first hundredth part is looked at each time. */
const TAIL_EXPRESSION = 'tcp port 22';
/** Until what runs is compiled and joined. */
const WARM_UP_MS = 3_000;

export interface Freshness {
  /** Milliseconds from a packet's time stamp, in a section on its way to Kafka, until a query, or a tail, has it. */
  readonly toQuery: readonly number[];
  readonly toTail: readonly number[];
}

/**
 * With 10 kpps that a load process makes, puts into sections as it closes them each 200 ms, and sends at once. Nothing is
 * captured: what a ring and a spool take is in `npm run bench -- capture`.
 */
export async function freshness(rig: StoreRig, durationMs: number, epoch: number): Promise<Freshness> {
  const packets = (PACKETS_PER_SECOND * (durationMs + WARM_UP_MS)) / 1000;
  const load = rig.load({
    seed: epoch,
    epoch,
    packets,
    spreadMs: 0,
    endedAgoMs: 0,
    packetsPerSecond: PACKETS_PER_SECOND,
  });
  const ended = new AbortController();
  const begin = Date.now() + WARM_UP_MS;
  try {
    const [toQuery, toTail] = await Promise.all([
      untilAsked(rig.client, begin, ended.signal),
      untilTailed(rig.client, TAIL_EXPRESSION, begin, ended.signal),
      load.done.finally(() => ended.abort()),
    ]);
    return { toQuery, toTail };
  } finally {
    ended.abort();
    load.stop();
  }
}
