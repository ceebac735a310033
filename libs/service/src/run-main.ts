import { errorText, exitCodeOf } from './error-text.js';

/** What keeps a process alive until it is told to stop. */
export interface Running {
  stop(): Promise<unknown>;
  /** Rejects when it cannot go on by itself: it is stopped, and the process ends with that error. */
  readonly failed?: Promise<never>;
}

/** The part of `process` that `runMain` uses; a test passes its own. */
export interface Host {
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(code: number): void;
  readonly stderr: { write(text: string): unknown };
}

/** One Ctrl-C may come twice: from the terminal to all its processes, and passed on by npm. */
const SAME_KEY_PRESS_MS = 500;

/**
 * Runs a process. The first SIGINT or SIGTERM aborts `stopping` and stops what `main` returned; one that comes
 * later exits at once. Exit code 0 after a stop, 2 for a configuration or request that cannot work, 1 for any other failure, and
 * 130 for the impatient. `stop` does as a first signal does, and the first one after it does no more.
 * @param main resolves with what is running then, or with nothing when the work is done (`--help`, `migrate`)
 */
export async function runMain(
  main: (stopping: AbortSignal, stop: () => void) => Promise<Running | undefined>,
  host: Host = process,
  nowMs: () => number = () => performance.now(),
): Promise<void> {
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const stop = () => stopping.abort();
  let firstSignalMs: number | undefined;
  const onSignal = () => {
    firstSignalMs ??= nowMs();
    stop();
    if (nowMs() - firstSignalMs > SAME_KEY_PRESS_MS) host.exit(130);
  };
  host.on('SIGINT', onSignal);
  host.on('SIGTERM', onSignal);
  let code = 0;
  try {
    const running = await main(stopping.signal, stop);
    if (running) {
      try {
        await Promise.race([stopped, running.failed ?? stopped]);
      } finally {
        await running.stop();
      }
    }
  } catch (error) {
    host.stderr.write(errorText(error));
    code = exitCodeOf(error);
  }
  host.off('SIGINT', onSignal);
  host.off('SIGTERM', onSignal);
  // Everything was stopped and awaited: an idle handle that a library forgot must not keep the process.
  host.exit(code);
}
