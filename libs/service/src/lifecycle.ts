import { BpfleetError } from '@bpfleet/errors';

/** A part of a process. `start` resolves when it is ready; `stop` leaves nothing running and may be called twice. */
export interface Component {
  readonly name: string;
  start?(): Promise<unknown> | unknown;
  stop?(): Promise<unknown> | unknown;
  /** After this long `stop` is given up and the next component is stopped. */
  readonly stopTimeoutMs?: number;
}

/** Starts components in the order they were added and stops them in reverse. */
export class Lifecycle {
  readonly #components: Component[] = [];
  readonly #started: Component[] = [];
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
      try {
        await component.start?.();
      } catch (error) {
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
    for (let component = this.#started.pop(); component; component = this.#started.pop()) {
      try {
        await withDeadline(component, this.stopTimeoutMs);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, `${failures.length} components failed to stop`);
  }
}

async function withDeadline(component: Component, defaultTimeoutMs: number): Promise<void> {
  const timeoutMs = component.stopTimeoutMs ?? defaultTimeoutMs;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new BpfleetError('INTERNAL', `${component.name} did not stop within ${timeoutMs} ms; going on without it`),
      );
    }, timeoutMs);
  });
  try {
    await Promise.race([component.stop?.(), deadline]);
  } finally {
    clearTimeout(timer);
  }
}
