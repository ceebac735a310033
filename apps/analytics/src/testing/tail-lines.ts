import { get, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { type NotRetained, PacketRow, queryApi, type TailGap, tailMediaTypes } from '@bpfleet/contract';

/** Opens a tail, as a client does that knows nothing of ours. */
export const openTail = (
  server: string,
  query: Record<string, string>,
  accept: string,
  headers: Record<string, string> = {},
): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const url = `${server}${queryApi.tailPackets.path}?${new URLSearchParams(query)}`;
    get(url, { headers: { accept, ...headers }, agent: false }, resolve).on('error', reject);
  });

/** A reader of NDJSON that counts what came only with its cursor, and goes on behind that one. */
export class TailReading {
  readonly ids: string[] = [];
  readonly gaps: TailGap[] = [];
  readonly notRetained: NotRetained = [];
  cursor: string | undefined;

  /**
   * Follows on one connection until `isEnough`, or breaks off after `most` lines.
   * @throws when the answer is an error, or ends before
   */
  async follow(
    server: string,
    query: Record<string, string>,
    isEnough: (reading: TailReading) => boolean,
    most = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const asked = this.cursor === undefined ? query : { ...query, cursor: this.cursor };
    const response = await openTail(server, asked, tailMediaTypes.ndjson);
    if (response.statusCode !== 200) throw new Error((await response.toArray()).join(''));
    let waiting: string[] = [];
    let count = 0;
    try {
      for await (const text of createInterface({ input: response })) {
        const line = JSON.parse(text) as { cursor?: string; gap?: TailGap; notRetained?: NotRetained };
        if (line.gap) this.gaps.push(line.gap);
        else if (line.notRetained) this.notRetained.push(...line.notRetained);
        else if (line.cursor === undefined) waiting.push(PacketRow.parse(line).id);
        else {
          this.ids.push(...waiting);
          waiting = [];
          this.cursor = line.cursor;
          if (isEnough(this)) return;
        }
        if (++count >= most) return;
      }
    } finally {
      response.destroy();
    }
    throw new Error('the answer ended');
  }
}
