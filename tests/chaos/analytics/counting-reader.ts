import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { queryApi, tailMediaTypes } from '@bpfleet/contract';
import { type KnownTraffic, sectionId } from './known-traffic.js';

const RETRY_MS = 100;

/** Follows all packets by a tail, breaks off and goes on with its cursor, and counts how often it was given each. */
export class CountingReader {
  /** How many different packets it has. */
  count = 0;
  /** Given again. */
  duplicates = 0;
  /** Never sent, or not so. */
  readonly strange: string[] = [];
  readonly gaps: string[] = [];
  connections = 0;
  #has = new Uint8Array(0);
  #cursor: string | undefined;
  /** Only with the cursor behind them they count. */
  #waiting: number[] = [];

  constructor(private readonly traffic: KnownTraffic) {}

  /**
   * One connection after the other.
   * @param urlOf where to connect next
   * @param lifeMs after how long to break off
   */
  async follow(urlOf: () => string, lifeMs: () => number, ended: AbortSignal): Promise<void> {
    while (!ended.aborted) {
      this.#waiting = [];
      const life = AbortSignal.any([ended, AbortSignal.timeout(Math.ceil(lifeMs()))]);
      try {
        await this.#read(await this.#open(urlOf(), life));
      } catch {
        // The replica is gone, or is still to come.
        if (!life.aborted) await once(AbortSignal.any([ended, AbortSignal.timeout(RETRY_MS)]), 'abort');
      }
    }
  }

  async #open(url: string, signal: AbortSignal): Promise<IncomingMessage> {
    const query = this.#cursor === undefined ? { since: '-1h' } : { cursor: this.#cursor };
    const request = get(`${url}${queryApi.tailPackets.path}?${new URLSearchParams(query)}`, {
      headers: { accept: tailMediaTypes.ndjson },
      agent: false,
      signal,
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
    this.connections += 1;
    return response;
  }

  async #read(response: IncomingMessage): Promise<void> {
    let rest = '';
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.#take(line);
    }
  }

  #take(line: string): void {
    if (line.startsWith('{"id":"')) this.#waiting.push(this.#numberOf(line));
    else if (line.startsWith('{"cursor":"')) this.#count(JSON.parse(line).cursor);
    else this.gaps.push(line);
  }

  /** By its identity; -1 when no such packet was sent, or it has another capture time. */
  #numberOf(line: string): number {
    const id = line.slice(7, line.indexOf('"', 7));
    const dot = id.lastIndexOf('.');
    const section = this.traffic.sections.get(id.slice(0, dot));
    const index = Number(id.slice(dot + 1));
    if (section && index < section.packets && line.startsWith(beginOf(section, index))) return section.first + index;
    this.strange.push(line);
    return -1;
  }

  #count(cursor: string): void {
    if (this.#has.length < this.traffic.packets) {
      const grown = new Uint8Array(2 * this.traffic.packets);
      grown.set(this.#has);
      this.#has = grown;
    }
    for (const number of this.#waiting) {
      if (number < 0) continue;
      if (this.#has[number]) this.duplicates++;
      else this.count++;
      this.#has[number] = 1;
    }
    this.#waiting = [];
    this.#cursor = cursor;
  }
}

/** Of the line of one packet: its identity and the time when it was captured, to the nanosecond. */
function beginOf(section: Parameters<typeof sectionId>[0] & { readonly atMs: number }, index: number): string {
  const at = `${new Date(section.atMs).toISOString().slice(0, -1)}${String(index).padStart(6, '0')}Z`;
  return `{"id":"${sectionId(section)}.${index}","at":"${at}"`;
}
