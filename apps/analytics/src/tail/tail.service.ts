import { formatInstantNs, type NotRetained, type PacketQuery, type TailQuery, tailMediaTypes } from '@bpfleet/contract';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import { Injectable } from '@nestjs/common';
import { isImportAgent } from '../imports/import-agent.js';
import { inChunks } from '../packets/chunks.js';
import { type PacketRequest, packetRequest } from '../packets/packet-request.js';
import { type MatchedPacket, PacketScan } from '../packets/packet-scan.js';
import { queryDigest } from '../query-digest.js';
import { HEARTBEAT_MS, MOST_TAILS, TAIL_LIMITS } from './config.js';
import { formatTailCursor, parseTailCursor, type TailCursor } from './tail-cursor.js';
import { TailNews } from './tail-news.js';
import { EventTail, NdjsonTail, PcapngTail, type TailOutput } from './tail-output.js';
import { TailParts } from './tail-parts.js';
import { remembered, TailReader, type TailStep } from './tail-reader.js';

export type TailMediaType = (typeof tailMediaTypes)[keyof typeof tailMediaTypes];

/** A tail has no end of its own. */
const NEVER = '9999-12-31T00:00:00Z';
const NEVER_NS = 2n ** 63n - 1n;

@Injectable()
export class TailService {
  readonly #news: TailNews;
  #tails = 0;

  constructor(private readonly parts: TailParts) {
    this.#news = new TailNews(parts.source);
  }

  /**
   * What is stored, then what comes, until the signal is aborted. A step is read only when the one before was taken.
   * A store that is away is waited for, so long as `TailLimits` says.
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
    const digest = queryDigest([query.filter, query.agent, query.version, query.linktype]);
    const at = resumed === undefined ? undefined : parseTailCursor(resumed, digest);
    const request = requestOf(query, nowMs, at);
    const release = this.#take();
    try {
      const output = outputOf(mediaType);
      const cursor = await this.#beginning(request.sinceNs, digest, at);
      yield output.begin(formatTailCursor(cursor), at ? [] : await this.#notRetained(request.sinceNs));
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
    const reader = new TailReader(this.parts.source, { sinceNs, agent, filter: version, test: sectionTest });
    const scan = new PacketScan(request);
    let cursor = begin;
    let sentAtMs = performance.now();
    let awaySinceMs: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      const changed = this.#news.changed();
      let step: TailStep | undefined;
      try {
        step = await reader.step(cursor, await this.#news.ends(), signal);
        awaySinceMs = undefined;
      } catch (error) {
        awaySinceMs ??= performance.now();
        this.#waitOut(error, performance.now() - awaySinceMs, signal);
      }
      cursor = step?.cursor ?? cursor;
      const packets = step ? packetsOf(step, scan) : [];
      const gaps = step?.gaps ?? [];
      const hasNews = packets.length + gaps.length > 0;
      const isDue = performance.now() - sentAtMs >= HEARTBEAT_MS;
      if (hasNews || isDue) {
        const text = formatTailCursor(cursor);
        yield* inChunks(once(hasNews ? output.step(packets, gaps, text) : [output.heartbeat(text)]));
        sentAtMs = performance.now();
      }
      if (step?.isThrough !== false) await newsOrDue(changed, signal);
    }
  }

  /** @throws `error`, when it is nothing that passes, or did not for too long */
  #waitOut(error: unknown, awayMs: number, signal: AbortSignal): void {
    const { metrics, logger, limits = TAIL_LIMITS } = this.parts;
    signal.throwIfAborted();
    const mayPass = hasCode(error, 'STORE_UNAVAILABLE');
    if (!mayPass || awayMs >= limits.awayMs) throw error;
    metrics.storeFailures.inc();
    logger.warn({ err: error }, 'postgres is away, tails wait');
  }

  /** @throws BpfleetError `REQUEST_INVALID` for a cursor of another store */
  async #beginning(sinceNs: bigint, query: string, at: TailCursor | undefined): Promise<TailCursor> {
    const stored = await this.#news.ends();
    if (!at) {
      const places = await this.parts.source.places(sinceNs, stored);
      return { sinceNs, query, places: remembered(places, stored), seenUs: stored.nowUs };
    }
    const isStored = (logId: string, partition: number) =>
      stored.ends.some((end) => end.logId === logId && end.partition === partition);
    const foreign = at.places.find(({ logId, partition }) => !isStored(logId, partition));
    if (!foreign) return at;
    throw new BpfleetError('REQUEST_INVALID', `the cursor names a log that is not stored here: ${foreign.logId}`, {
      hint: 'it is of another store, or of one that was made anew; begin anew with since',
    });
  }

  async #notRetained(sinceNs: bigint): Promise<NotRetained> {
    const gone = await this.parts.source.givenUp(sinceNs, NEVER_NS);
    return gone.map(({ fromNs, toNs, rows }) => ({
      ...{ since: formatInstantNs(fromNs), until: formatInstantNs(toNs), sections: rows },
    }));
  }

  #take(): () => void {
    if (this.#tails >= MOST_TAILS) {
      throw new BpfleetError('TOO_BUSY', `${MOST_TAILS} readers follow already`, {
        hint: 'end one of them; another replica may be free',
      });
    }
    this.#tails++;
    this.parts.metrics.readers.inc();
    const unfollow = this.#news.follow();
    return () => {
      this.#tails--;
      this.parts.metrics.readers.dec();
      unfollow();
    };
  }
}

function requestOf(query: TailQuery, nowMs: number, at: TailCursor | undefined): PacketRequest {
  const { filter, since, agent, version, linktype } = query;
  if (agent !== undefined && isImportAgent(agent)) {
    throw new BpfleetError(
      'REQUEST_INVALID',
      `${agent} is an imported file: it is no part of a tail, nothing will come`,
      {
        hint: 'all of it is stored: ask without --follow; over the API, ask GET /api/v1/packets',
      },
    );
  }
  const asked: PacketQuery = { filter, since, agent, version, linktype, until: NEVER, maxScanned: 1 };
  const request = packetRequest(asked, 'pcapng', nowMs);
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

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/**
 * Until there may be news, or a heartbeat is due. The timer keeps nothing alive.
 * By hand: Node 20 keeps something for ever of each AbortSignal.any over a signal that lives as long as the tail does.
 */
async function newsOrDue(changed: Promise<void>, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(due);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const due = setTimeout(end, HEARTBEAT_MS).unref();
    signal.addEventListener('abort', end, { once: true });
    void changed.then(end);
    if (signal.aborted) end();
  });
  signal.throwIfAborted();
}
