import { type AgentStatus, agentApi, answerWithin, Deadline } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import type { Logger } from 'pino';
import { abortableDelay } from '../abortable-delay.js';
import type { AgentClient } from './agent-client.js';

const CALL_TIMEOUT_MS = 10_000;
const RETRY_MS = 1000;
/** Nobody waits longer for an agent to stop because its filter-manager is away. */
const LAST_TIMEOUT_MS = 2000;

/** Posts the agent's status: on change, and each interval. The first one makes the agent known. */
export class StatusReporter {
  #sequence = 0;
  #changed = false;
  #nonce: string | undefined;
  #wake: () => void = () => {};
  #reporting: Promise<void> = Promise.resolve();
  #isRegistered!: () => void;
  /** Resolves when the filter-manager has heard of this agent: before that it has no desired state for it. */
  readonly registered = new Promise<void>((resolve) => {
    this.#isRegistered = resolve;
  });
  readonly #stopping = new AbortController();
  intervalMs = 60_000;

  constructor(
    private readonly client: AgentClient,
    private readonly logger: Logger,
    /** Nothing is posted before. */
    private readonly enrolled: Promise<void>,
    /** @param nonce of the service, for signed statements */
    private readonly collect: (nonce: string | undefined) => Promise<Omit<AgentStatus, 'sequence'>>,
    private readonly onFatal: (error: unknown) => void,
  ) {}

  start(): void {
    this.#reporting = this.#report().catch(this.onFatal);
  }

  /** Something in the status is new: report soon. */
  changed(): void {
    this.#changed = true;
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#reporting;
  }

  /** After `stop`: reports once more what the agent ends with, unless the filter-manager has never heard of it. */
  async last(): Promise<void> {
    if (this.#nonce === undefined) return;
    try {
      await this.#deliver(LAST_TIMEOUT_MS);
    } catch (err) {
      this.logger.warn({ err }, 'the last status is not delivered, the ledger shows the one before');
    }
  }

  async #report(): Promise<void> {
    const { signal } = this.#stopping;
    await Promise.race([this.enrolled, aborted(signal)]);
    while (!signal.aborted) {
      this.#changed = false;
      if (!(await this.#post(signal))) await abortableDelay(RETRY_MS, signal);
      else if (!this.#changed) await this.#nextChange(signal);
    }
  }

  async #post(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#deliver(CALL_TIMEOUT_MS, signal);
      return true;
    } catch (err) {
      if (!signal.aborted) this.logger.warn({ err }, 'status not delivered, trying again');
      return false;
    }
  }

  async #deliver(timeoutMs: number, ...stopping: readonly AbortSignal[]): Promise<void> {
    const status = await this.#collected(timeoutMs, ...stopping);
    const body: AgentStatus = { ...status, sequence: this.#sequence++ };
    const post = (signal: AbortSignal) => this.client.call(agentApi.postStatus, { body, signal });
    const { nonce } = await answerWithin(timeoutMs, 'the filter-manager', post, ...stopping);
    // The first one: nothing is attested before it was used.
    if (this.#nonce === undefined && nonce !== undefined) this.#changed = true;
    this.#nonce = nonce;
    this.#isRegistered();
  }

  /** The capture thread is asked too, which may have too much to do: the service has nothing to do with that. */
  async #collected(timeoutMs: number, ...stopping: readonly AbortSignal[]): Promise<Omit<AgentStatus, 'sequence'>> {
    const deadline = new Deadline(timeoutMs, ...stopping);
    try {
      const status = await Promise.race([this.collect(this.#nonce), aborted(deadline.signal)]);
      if (status !== undefined) return status;
      throw new BpfleetError('TOO_BUSY', `the capture thread has not told its counters within ${timeoutMs / 1000} s`, {
        hint: 'run fewer filters, or narrower ones: bpfleet agent get shows them',
      });
    } finally {
      deadline.clear();
    }
  }

  async #nextChange(signal: AbortSignal): Promise<void> {
    // `stop` may have come after the post and before this: its wake-up would be missed.
    if (signal.aborted) return;
    const waited = new AbortController();
    this.#wake = () => waited.abort();
    await abortableDelay(this.intervalMs, waited.signal);
    this.#wake = () => {};
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
