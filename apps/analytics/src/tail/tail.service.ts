import { setTimeout as delay } from 'node:timers/promises';
import { type PacketQuery, type TailQuery, tailMediaTypes } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { Injectable } from '@nestjs/common';
import { type PacketRequest, packetRequest } from '../packets/packet-request.js';
import { type MatchedPacket, PacketScan } from '../packets/packet-scan.js';
import { HEARTBEAT_MS, MOST_TAILS } from './config.js';
import { formatTailCursor, parseTailCursor, type TailCursor } from './tail-cursor.js';
import { TailNews } from './tail-news.js';
import { EventTail, NdjsonTail, PcapngTail, type TailOutput } from './tail-output.js';
import { TailReader, type TailStep } from './tail-reader.js';
import { TailSource } from './tail-source.js';

export type TailMediaType = (typeof tailMediaTypes)[keyof typeof tailMediaTypes];

/** A tail has no end of its own. */
const NEVER = '9999-12-31T00:00:00Z';

@Injectable()
export class TailService {
  readonly #news: TailNews;
  #tails = 0;

  constructor(private readonly source: TailSource) {
    this.#news = new TailNews(source);
  }

  /**
   * What is stored, then what comes, until the signal is aborted. A step is read only when the one before was taken.
   * @param lastEventId goes before the query's cursor
   * @throws BpfleetError `REQUEST_INVALID`, `TOO_BUSY`, `STORE_UNAVAILABLE`, or what the filter language says
   */
  async *chunks(
    query: TailQuery,
    lastEventId: string | undefined,
    mediaType: TailMediaType,
    nowMs: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    const resumed = lastEventId ?? query.cursor;
    const at = resumed === undefined ? undefined : parseTailCursor(resumed);
    const request = requestOf(query, nowMs, at);
    const release = this.#take();
    try {
      const output = outputOf(mediaType);
      const cursor = at ?? (await this.#beginning(request.sinceNs));
      yield output.begin(formatTailCursor(cursor));
      yield* this.#follow(request, cursor, output, signal);
    } finally {
      release();
    }
  }

  async *#follow(
    request: PacketRequest,
    begin: TailCursor,
    output: TailOutput,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    const { sinceNs, agent, version, sectionTest } = request;
    const reader = new TailReader(this.source, { sinceNs, agent, filter: version, test: sectionTest });
    const scan = new PacketScan(request);
    let cursor = begin;
    let sentAtMs = performance.now();
    for (;;) {
      signal.throwIfAborted();
      const changed = this.#news.changed();
      const step = await reader.step(cursor, await this.#news.ends(), signal);
      cursor = step.cursor;
      const packets = packetsOf(step, scan);
      const hasNews = packets.length > 0 || step.gaps.length > 0;
      const isDue = performance.now() - sentAtMs >= HEARTBEAT_MS;
      if (hasNews || isDue) {
        const text = formatTailCursor(cursor);
        const chunk = hasNews ? output.step(packets, step.gaps, text) : output.heartbeat(text);
        sentAtMs = performance.now();
        if (chunk) yield chunk;
      }
      if (step.isThrough) await either(changed, signal);
    }
  }

  async #beginning(sinceNs: bigint): Promise<TailCursor> {
    const stored = await this.#news.ends();
    return { sinceNs, places: await this.source.places(sinceNs, stored), seenUs: stored.nowUs };
  }

  #take(): () => void {
    if (this.#tails >= MOST_TAILS) {
      throw new BpfleetError('TOO_BUSY', `${MOST_TAILS} readers follow already`, {
        hint: 'end one of them; another replica may be free',
      });
    }
    this.#tails++;
    const unfollow = this.#news.follow();
    return () => {
      this.#tails--;
      unfollow();
    };
  }
}

function requestOf(query: TailQuery, nowMs: number, at: TailCursor | undefined): PacketRequest {
  const { filter, since, agent, version, linktype } = query;
  const asked: PacketQuery = { filter, since, agent, version, linktype, until: NEVER, maxScanned: 1 };
  const request = packetRequest(asked, 'file', nowMs);
  return at ? { ...request, sinceNs: at.sinceNs } : request;
}

/** Those of one step in the order of their time. */
function packetsOf({ sections }: TailStep, scan: PacketScan): MatchedPacket[] {
  const packets = sections.flatMap((section) => scan.open(section));
  return packets.sort((a, b) => (a.atNs < b.atNs ? -1 : a.atNs > b.atNs ? 1 : 0));
}

function outputOf(mediaType: TailMediaType): TailOutput {
  if (mediaType === tailMediaTypes.events) return new EventTail();
  return mediaType === tailMediaTypes.pcapng ? new PcapngTail() : new NdjsonTail();
}

/** Until there may be news. The timer keeps nothing alive, and ends with the signal. */
async function either(changed: Promise<void>, signal: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  await Promise.race([changed, delay(HEARTBEAT_MS, undefined, { signal: both, ref: false }).catch(() => undefined)]);
  ended.abort();
  signal.throwIfAborted();
}
