import { BpfleetError } from '@bpfleet/errors';

/** A part of a process. `stop` leaves nothing running and may be called twice. */
export interface Component {
  readonly name: string;
  /**
   * Resolves when it is ready.
   * @param stopping aborted when the process is to stop meanwhile: what may wait for long ends its wait then
   */
  start?(stopping: AbortSignal): Promise<unknown> | unknown;
  /** Called once `start` is over, whatever came of it. */
  stop?(): Promise<unknown> | unknown;
  /** After this long `stop` is given up and the next component is stopped. The same for a `start` to end. */
  readonly stopTimeoutMs?: number;
}

/** Starts components in the order they were added and stops them in reverse. */
export class Lifecycle {
  readonly #components: Component[] = [];
  readonly #started: Component[] = [];
  readonly #stopping = new AbortController();
  #starting: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(private readonly stopTimeoutMs = 15_000) {}

  add(component: Component): this {
    this.#components.push(component);
    return this;
  }

  /** When one fails, those before it are stopped again and its error is thrown. Ends early, and quietly, after `stop`. */
  async start(): Promise<void> {
    for (const component of this.#components) {
      if (this.#stopped) return;
      // Counted before it is started: a start that failed half-way has things to stop, too.
      this.#started.push(component);
      const start = async () => component.start?.(this.#stopping.signal);
      const starting = start();
      this.#starting = starting.catch(() => undefined);
      try {
        await starting;
      } catch (error) {
        // A wait that `stopping` ended is no failure.
        if (this.#stopped) return;
        await this.stop().catch(() => undefined);
        throw error;
      }
    }
  }

  /**
   * Stops everything that was started, whatever fails on the way. Later calls wait for the first.
   * @throws the only failure, or an `AggregateError` of several, when all were tried
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #stopAll(): Promise<void> {
    const failures: unknown[] = [];
    this.#stopping.abort();
    // A component that is stopped while it starts could finish its start afterwards, and then nobody would stop it.
    const last = this.#started.at(-1);
    if (last) await attempt(() => within(last, 'start', this.#starting, this.stopTimeoutMs), failures);
    while (this.#started.length > 0) {
      const component = this.#started.pop()!;
      await attempt(() => within(component, 'stop', component.stop?.(), this.stopTimeoutMs), failures);
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, `${failures.length} components failed to stop`);
  }
}

async function attempt(work: () => Promise<unknown>, failures: unknown[]): Promise<void> {
  try {
    await work();
  } catch (error) {
    failures.push(error);
  }
}

async function within(
  { name, stopTimeoutMs }: Component,
  what: 'start' | 'stop',
  work: Promise<unknown> | unknown,
  defaultTimeoutMs: number,
): Promise<void> {
  const timeoutMs = stopTimeoutMs ?? defaultTimeoutMs;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const problem = what === 'stop' ? 'did not stop' : 'was still starting and did not end that';
      reject(new BpfleetError('INTERNAL', `${name} ${problem} within ${timeoutMs} ms; going on without it`));
    }, timeoutMs);
  });
  try {
    await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
