import { type AgentStatus, type ApiClient, agentApi, Deadline } from '@bpfleet/contract';
import type { Logger } from 'pino';
import { abortableDelay } from '../abortable-delay.js';

const CALL_TIMEOUT_MS = 10_000;
const RETRY_MS = 1000;

/** Posts the agent's status: on change, and each interval. The first one registers the agent. */
export class StatusReporter {
  #sequence = 0;
  #changed = false;
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
    private readonly client: ApiClient,
    private readonly logger: Logger,
    private readonly collect: () => Promise<Omit<AgentStatus, 'sequence'>>,
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
    this.#isRegistered();
    this.#wake();
    await this.#reporting;
  }

  async #report(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#changed = false;
      if (!(await this.#post(signal))) await abortableDelay(RETRY_MS, signal);
      else if (!this.#changed) await this.#nextChange(signal);
    }
  }

  async #post(signal: AbortSignal): Promise<boolean> {
    const deadline = new Deadline(CALL_TIMEOUT_MS, signal);
    try {
      const body: AgentStatus = { ...(await this.collect()), sequence: this.#sequence++ };
      await this.client.call(agentApi.postStatus, { body, signal: deadline.signal });
      this.#isRegistered();
      return true;
    } catch (err) {
      if (!signal.aborted) this.logger.warn({ err }, 'status not delivered, trying again');
      return false;
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
