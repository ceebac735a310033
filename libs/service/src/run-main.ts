import { errorText, exitCodeOf } from './error-text.js';

/** What keeps a process alive until it is told to stop. */
export interface Running {
  stop(): Promise<unknown>;
}

/** The part of `process` that `runMain` uses; a test passes its own. */
export interface Host {
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(code: number): void;
  readonly stderr: { write(text: string): unknown };
}

/**
 * Runs a process. The first SIGINT or SIGTERM aborts `stopping` and stops what `main` returned; the second exits at
 * once. Exit code 0 after a stop, 2 for a configuration or request that cannot work, 1 for any other failure, and
 * 130 for the impatient.
 * @param main resolves with what is running then, or with nothing when the work is done (`--help`, `migrate`)
 */
export async function runMain(
  main: (stopping: AbortSignal) => Promise<Running | undefined>,
  host: Host = process,
): Promise<void> {
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const onSignal = () => (stopping.signal.aborted ? host.exit(130) : stopping.abort());
  host.on('SIGINT', onSignal);
  host.on('SIGTERM', onSignal);
  let code = 0;
  try {
    const running = await main(stopping.signal);
    if (running) {
      await stopped;
      await running.stop();
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
