import { queryApi } from '@bpfleet/contract';
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
      queried(rig, begin, ended.signal),
      tailed(rig, begin, ended.signal),
      load.done.finally(() => ended.abort()),
    ]);
    return { toQuery, toTail };
  } finally {
    ended.abort();
    load.stop();
  }
}

/** For each millisecond of packets' time stamps: when the first answer came that had a packet of then, or later. */
async function queried(rig: StoreRig, beginMs: number, signal: AbortSignal): Promise<number[]> {
  const latencies: number[] = [];
  let seenMs = beginMs;
  while (!signal.aborted) {
    const { packets } = await rig.client.call(queryApi.listPackets, { query: { since: '-1m', limit: 1 } });
    const nowMs = Date.now();
    const newestMs = packets[0] ? Date.parse(packets[0].at) : 0;
    for (; seenMs < newestMs; seenMs++) latencies.push(nowMs - seenMs);
  }
  return latencies;
}

async function tailed(rig: StoreRig, beginMs: number, signal: AbortSignal): Promise<number[]> {
  const latencies: number[] = [];
  const url = `${rig.url}/api/v1/tail?filter=${encodeURIComponent(TAIL_EXPRESSION)}&since=-1s`;
  const response = await fetch(url, { headers: { accept: 'application/x-ndjson' }, signal });
  if (!response.ok || response.body === null) throw new Error(`tail: ${response.status}`);
  let rest = '';
  try {
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const nowMs = Date.now();
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const at = /"at":"([^"]+)"/.exec(line)?.[1];
        const stampedMs = at === undefined ? 0 : Date.parse(at);
        if (stampedMs >= beginMs) latencies.push(nowMs - stampedMs);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return latencies;
}
