import { Deadline, type FilterVersion, type PlainDesiredState } from '@bpfleet/contract';
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
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(
    private readonly store: AgentStore,
    private readonly feed: ChangeFeed,
  ) {}

  /** @returns undefined when nothing but the known generation was there all the time */
  async desired(request: DesiredRequest): Promise<PlainDesiredState | undefined> {
    const over = new Deadline(request.waitMs, request.signal, this.#stopping.signal);
    const answer = this.#answer(request, over.signal).finally(() => over.clear());
    this.#underWay.add(answer);
    try {
      return await answer;
    } finally {
      this.#underWay.delete(answer);
    }
  }

  async #answer({ agent, known }: DesiredRequest, over: AbortSignal): Promise<PlainDesiredState | undefined> {
    for (;;) {
      const turn = new AbortController();
      const endTurn = () => turn.abort();
      over.addEventListener('abort', endTurn);
      if (over.aborted) endTurn();
      const changed = this.feed.next(agent, turn.signal);
      try {
        const stored = await this.store.desired(agent);
        if (stored.generation !== known) return documentOf(agent, stored);
        await changed;
        if (over.aborted) return undefined;
      } finally {
        over.removeEventListener('abort', endTurn);
        endTurn();
      }
    }
  }

  /** Lets everybody who waits go, and resolves when nobody reads the store any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled([...this.#underWay]);
  }
}

function documentOf(agent: string, { generation, versions, settings, excluded }: StoredDesired): PlainDesiredState {
  return {
    agent,
    generation,
    issuedAt: new Date().toISOString(),
    filters: versions.map(({ createdAt: _, ...version }: FilterVersion) => ({
      ...version,
      programs: version.programs.filter((program) => program.target === 'cbpf'),
    })),
    settings: { ...settings },
    excluded: [...excluded],
  };
}
