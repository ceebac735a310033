import { setTimeout as delay } from 'node:timers/promises';
import { PollPause, type Registry, type RegistryVersion } from '@bpfleet/contract';
import type { Logger } from '@bpfleet/service';
import { IdentityKeyTable } from './identity-keys.js';
import { type KnownVersions, VersionTable } from './known-versions.js';
import type { RegistrySource } from './registry-source.js';

/** Where the last registry is kept; `KeptRegistry` of the store implements it. */
export interface RegistryMemory {
  read(): Promise<Registry | undefined>;
  keep(registry: Registry): Promise<void>;
}

const WAIT_S = 30;
const RETRY_MS = 1000;

/** Knows the registry: by long-poll, and from the database while the filter-manager is away. */
export class RegistryKeeper implements KnownVersions {
  #keys = new IdentityKeyTable();
  #versions = new VersionTable();
  #revision: number | undefined;
  /** Of the last answer; what was read from the database is older than any. */
  #hasHeard = false;
  #following: Promise<void> = Promise.resolve();
  #asking: Promise<boolean> = Promise.resolve(false);
  #askingNext: Promise<boolean> | undefined;
  readonly #stopping = new AbortController();

  constructor(
    private readonly source: RegistrySource,
    private readonly memory: RegistryMemory,
    private readonly logger: Logger,
    private readonly retryMs = RETRY_MS,
  ) {}

  get keys(): IdentityKeyTable {
    return this.#keys;
  }

  version(digest: string): RegistryVersion | undefined {
    return this.#versions.version(digest);
  }

  versionNamed(label: string): RegistryVersion | undefined {
    return this.#versions.versionNamed(label);
  }

  /** Resolves when it knows what the database does; a database that is away is asked later. */
  async start(): Promise<void> {
    await this.#remember();
    this.#following = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled([this.#following, this.#asking, this.#askingNext]);
  }

  /**
   * Asks the filter-manager now, whatever is under way: what happened before this call is in the answer.
   * @returns whether there was one
   */
  refresh(): Promise<boolean> {
    this.#askingNext ??= this.#asking.then(() => {
      this.#askingNext = undefined;
      this.#asking = this.#ask('0s').catch(() => false);
      return this.#asking;
    });
    return this.#askingNext;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    const pause = new PollPause();
    while (!signal.aborted) {
      try {
        // The first answer comes at once: it is not known yet whether the database's is the current one.
        const waitS = this.#hasHeard ? WAIT_S : 0;
        const [askedMs, before] = [performance.now(), this.#revision];
        await this.#ask(`${waitS}s`);
        const answer = { isNews: this.#revision !== before, tookMs: performance.now() - askedMs, waitMs: waitS * 1000 };
        await delay(pause.after(answer), undefined, { signal }).catch(() => undefined);
      } catch (err) {
        if (signal.aborted) return;
        this.logger.warn({ err }, 'no registry from the filter-manager, going by the last one');
        if (!this.#hasHeard && this.#revision === undefined) await this.#remember();
        await delay(this.retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #ask(wait: string): Promise<boolean> {
    const news = await this.source.fetch(this.#revision, wait, this.#stopping.signal);
    this.#hasHeard = true;
    if (news) await this.#take(news);
    return true;
  }

  async #take(registry: Registry): Promise<void> {
    this.#know(registry);
    try {
      await this.memory.keep(registry);
    } catch (err) {
      // Kept with the next change; until then the filter-manager is asked at the next start.
      this.logger.warn({ err }, 'the registry is not kept');
    }
  }

  async #remember(): Promise<void> {
    try {
      const registry = await this.memory.read();
      if (!registry || this.#hasHeard) return;
      this.#know(registry);
    } catch (err) {
      this.logger.warn({ err }, 'the kept registry is not read');
    }
  }

  #know(registry: Registry): void {
    this.#revision = registry.revision;
    this.#keys = new IdentityKeyTable(registry.agents);
    this.#versions = new VersionTable(registry.versions);
  }
}
