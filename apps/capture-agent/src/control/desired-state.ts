import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ApiClient, agentApi, Deadline, PlainDesiredState } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import type { Logger } from 'pino';
import { abortableDelay } from '../abortable-delay.js';
import { writeDurably } from '../epoch.js';

const FILE = 'desired.json';
const WAIT = '30s';
/** The server holds a call for 30 s; an answer later than this is none. */
const CALL_TIMEOUT_MS = 40_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;

/**
 * Follows the desired state by long-poll and keeps the last one on disk, so that capture starts and goes on while the
 * control plane is away.
 */
export class DesiredStateFollower {
  #generation = -1;
  #following: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();

  constructor(
    private readonly agent: string,
    private readonly folder: string,
    private readonly client: ApiClient,
    private readonly logger: Logger,
    /** Nothing is asked before. */
    private readonly registered: Promise<void>,
    private readonly onDesired: (state: PlainDesiredState) => Promise<void>,
    private readonly onFatal: (error: unknown) => void,
  ) {}

  async start(): Promise<void> {
    const kept = await this.#kept();
    if (kept) await this.#take(kept);
    this.#following = this.#follow().catch(this.onFatal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    await Promise.race([this.registered, aborted(signal)]);
    let retryMs = RETRY_FIRST_MS;
    while (!signal.aborted) {
      try {
        const state = await this.#fetch(signal);
        if (state !== undefined) await this.#takeNewer(state);
        retryMs = RETRY_FIRST_MS;
      } catch (err) {
        if (signal.aborted) return;
        this.logger.warn({ err, retryMs }, 'no desired state from the filter-manager, the last one keeps running');
        await abortableDelay(retryMs, signal);
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
    }
  }

  async #fetch(signal: AbortSignal): Promise<PlainDesiredState | undefined> {
    const deadline = new Deadline(CALL_TIMEOUT_MS, signal);
    try {
      const response = await this.client.send(agentApi.getDesired, {
        query: { agent: this.agent, wait: WAIT },
        headers: this.#generation < 0 ? {} : { 'if-none-match': `"${this.#generation}"` },
        signal: deadline.signal,
      });
      return response.status === 304 ? undefined : PlainDesiredState.parse(await response.json());
    } finally {
      deadline.clear();
    }
  }

  /** A lower generation is an older wish: of a database that was restored, say. It is refused, and asked for again. */
  async #takeNewer(state: PlainDesiredState): Promise<void> {
    if (state.generation < this.#generation) {
      const message = `desired state has generation ${state.generation}, ${this.#generation} runs already`;
      throw new BpfleetError('VERSION_CONFLICT', message, { hint: 'push a filter: the next generation is higher' });
    }
    await this.#take(state);
    await writeDurably(this.folder, FILE, JSON.stringify(state));
  }

  async #take(state: PlainDesiredState): Promise<void> {
    await this.onDesired(state);
    this.#generation = state.generation;
  }

  async #kept(): Promise<PlainDesiredState | undefined> {
    let text: string;
    try {
      text = await readFile(join(this.folder, FILE), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const parsed = PlainDesiredState.safeParse(safeJson(text));
    if (parsed.success && parsed.data.agent === this.agent) return parsed.data;
    this.logger.warn(
      { file: join(this.folder, FILE) },
      'the kept desired state is unreadable or of another agent, ignored',
    );
    return undefined;
  }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is handled like a wrong document: the caller warns.
    return undefined;
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
