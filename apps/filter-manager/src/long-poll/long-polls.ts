import { Deadline } from '@bpfleet/contract';
import { Injectable } from '@nestjs/common';
import { ChangeFeed } from './change-feed.js';

export interface LongPoll {
  /** What the change feed calls it. */
  readonly topic: string;
  readonly waitMs: number;
  /** The caller hung up. */
  readonly signal: AbortSignal;
}

/** Calls that are held until there is something new to say. */
@Injectable()
export class LongPolls {
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(private readonly feed: ChangeFeed) {}

  /**
   * @param read what is new, or undefined; called again whenever the topic changes
   * @returns undefined when nothing was new all the time
   */
  async answer<T>(poll: LongPoll, read: () => Promise<T | undefined>): Promise<T | undefined> {
    const over = new Deadline(poll.waitMs, poll.signal, this.#stopping.signal);
    const answer = this.#answer(poll.topic, read, over.signal).finally(() => over.clear());
    this.#underWay.add(answer);
    try {
      return await answer;
    } finally {
      this.#underWay.delete(answer);
    }
  }

  /** Lets everybody who waits go, and resolves when nobody reads any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled([...this.#underWay]);
  }

  async #answer<T>(topic: string, read: () => Promise<T | undefined>, over: AbortSignal): Promise<T | undefined> {
    for (;;) {
      const turn = new AbortController();
      const endTurn = () => turn.abort();
      over.addEventListener('abort', endTurn);
      if (over.aborted) endTurn();
      const changed = this.feed.next(topic, turn.signal);
      try {
        const news = await read();
        if (news !== undefined) return news;
        await changed;
        if (over.aborted) return undefined;
      } finally {
        over.removeEventListener('abort', endTurn);
        endTurn();
      }
    }
  }
}

/** The number that an ETag of ours is; undefined for any other text. */
export function numberedTag(header: string | undefined): number | undefined {
  const match = /^(?:W\/)?"(\d{1,16})"$/.exec(header?.trim() ?? '');
  return match ? Number(match[1]) : undefined;
}
