import type { DesiredState, FilterVersion } from '@bpfleet/contract';
import { Injectable } from '@nestjs/common';
import { AgentStore, type StoredDesired } from '../agents/agent-store.js';
import { ChangeFeed } from './change-feed.js';

export interface DesiredRequest {
  readonly agent: string;
  /** The generation that the caller has. */
  readonly known: number | undefined;
  readonly waitMs: number;
  /** The caller hung up. */
  readonly signal: AbortSignal;
}

/** Answers what an agent should run, at once or as soon as it changes. */
@Injectable()
export class DesiredService {
  #isStopping = false;

  constructor(
    private readonly store: AgentStore,
    private readonly feed: ChangeFeed,
  ) {}

  /** @returns undefined when nothing but the known generation was there all the time */
  async desired({ agent, known, waitMs, signal }: DesiredRequest): Promise<DesiredState | undefined> {
    const over = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
    for (;;) {
      const turn = new AbortController();
      const changed = this.feed.next(agent, AbortSignal.any([over, turn.signal]));
      try {
        const stored = await this.store.desired(agent);
        if (stored.generation !== known) return documentOf(agent, stored);
        if (over.aborted || this.#isStopping) return undefined;
        await changed;
      } finally {
        turn.abort();
      }
    }
  }

  /** Lets everybody who waits go. */
  stop(): void {
    this.#isStopping = true;
    this.feed.everythingChanged();
  }
}

function documentOf(agent: string, { generation, versions, settings, excluded }: StoredDesired): DesiredState {
  return {
    agent,
    generation,
    issuedAt: new Date().toISOString(),
    filters: versions.map(({ createdAt: _, ...version }: FilterVersion) => version),
    settings: { ...settings },
    excluded: [...excluded],
  };
}
