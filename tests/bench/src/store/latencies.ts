import { type ApiClient, packetMediaTypes, queryApi } from '@bpfleet/contract';

/**
 * Asks for the newest packet, again and again.
 * @returns for each millisecond of packet time from `beginMs` on: when the first answer came that had a packet of then, or later
 */
export async function untilAsked(client: ApiClient, beginMs: number, signal: AbortSignal): Promise<number[]> {
  const latencies: number[] = [];
  let seenMs = beginMs;
  while (!signal.aborted) {
    const { packets } = await client.call(queryApi.listPackets, { query: { since: '-1m', limit: 1 } });
    const nowMs = Date.now();
    const newestMs = packets[0] ? Date.parse(packets[0].at) : 0;
    for (; seenMs < newestMs; seenMs++) latencies.push(nowMs - seenMs);
  }
  return latencies;
}

/** Follows a tail until aborted. @returns milliseconds from each packet's time, from `beginMs` on, to its line */
export async function untilTailed(
  client: ApiClient,
  filter: string,
  beginMs: number,
  signal: AbortSignal,
): Promise<number[]> {
  const latencies: number[] = [];
  const headers = { accept: packetMediaTypes.ndjson };
  const response = await client.send(queryApi.tailPackets, { query: { filter, since: '-1s' }, headers, signal });
  let rest = '';
  try {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const nowMs = Date.now();
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const at = /"at":"([^"]+)"/.exec(line)?.[1];
        const packetMs = at === undefined ? 0 : Date.parse(at);
        if (packetMs >= beginMs) latencies.push(nowMs - packetMs);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return latencies;
}

/** Of values in ascending order: the least that so large a `part` of them does not exceed. */
export const percentile = (sorted: Float64Array, part: number): number =>
  sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]!;
