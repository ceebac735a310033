import type { Logger } from 'pino';
import { logCause } from './log-cause.js';

/** One line in this time says how often a cause came again. */
const WINDOW_MS = 60_000;
/** Causes that are told apart at a time; all others are one together, so that a process has a bound whatever goes wrong. */
const MAX_CAUSES = 128;
/** pino's number of `warn`. What is less has no cause, and what is fatal ends the process. */
const WARN = 40;
const FATAL = 60;

/** The parts of pino's `LogFn` that its `logMethod` hook hands over. */
type Write = (this: Logger, ...args: unknown[]) => void;

interface Repeats {
  times: number;
  /** Says it again: with the facts of the last time. */
  say: (times: number) => void;
}

/** By level, of all loggers of this process: what `/metrics` shows. */
export const heldBackLines = new Map<string, number>();

/**
 * Says a cause once, and then once a minute how often it came again: whatever retries twice a second fills no disk. A
 * minute without it, and it is news again.
 */
export class RepeatLimit {
  readonly #causes = new Map<string, Repeats>();

  /** pino's hook `logMethod`: called in place of each line. */
  readonly logMethod = (logger: Logger, args: unknown[], write: Write, level: number): void => {
    if (level < WARN || level >= FATAL || this.#isNews(logger, args, write, level)) write.apply(logger, args);
  };

  #isNews(logger: Logger, args: unknown[], write: Write, level: number): boolean {
    const cause = `${level} ${logCause(logger.bindings(), args)}`;
    const known = this.#causes.get(cause) ?? this.#others(level);
    if (known === undefined) {
      this.#watch(cause);
      return true;
    }
    known.times++;
    known.say = (times) => write.apply(logger, counted(args, times));
    const name = logger.levels.labels[level] ?? String(level);
    heldBackLines.set(name, (heldBackLines.get(name) ?? 0) + 1);
    return false;
  }

  /** Undefined while there is room for causes of their own. */
  #others(level: number): Repeats | undefined {
    if (this.#causes.size < MAX_CAUSES) return undefined;
    const name = `${level} others`;
    return this.#causes.get(name) ?? this.#watch(name);
  }

  #watch(cause: string): Repeats {
    const repeats: Repeats = { times: 0, say: () => {} };
    this.#causes.set(cause, repeats);
    const window = setInterval(() => {
      const { times, say } = repeats;
      repeats.times = 0;
      if (times > 0) {
        say(times);
        return;
      }
      clearInterval(window);
      this.#causes.delete(cause);
    }, WINDOW_MS).unref();
    return repeats;
  }
}

function counted(args: readonly unknown[], times: number): unknown[] {
  const [first, ...rest] = args;
  const said = `(said ${times} times in the last minute)`;
  if (typeof first === 'string') return [{ times }, `${first} ${said}`, ...rest];
  const [text, ...values] = rest;
  const facts = first instanceof Error ? { err: first } : (first as object);
  return [{ ...facts, times }, text === undefined ? said : `${text} ${said}`, ...values];
}
