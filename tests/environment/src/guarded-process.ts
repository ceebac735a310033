import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs a command and waits on its own standard input, which closes with the process that started it, however that one
 * ends: then kills the command and removes its folder, unless it was told `keep`.
 */
const guard = `
  "$@" </dev/null 2>&1 & child=$!
  echo $child >&2
  exec >/dev/null 2>&1
  word=$(cat)
  kill -KILL $child
  wait $child
  [ "$word" = keep ] || rm -rf -- "$GUARDED_FOLDER"
`;

/** A process that does not outlive this one, even if this one is killed with -9. */
export class GuardedProcess {
  /** The command's process, once it runs. */
  readonly pid: Promise<number>;
  /** Resolves with the last output when the process has ended. */
  readonly exited: Promise<string>;
  readonly #guard: ChildProcess;

  constructor(command: readonly string[], folder: string) {
    // Its own process group: Ctrl-C on the terminal ends the test run, and only that ends the guard.
    this.#guard = spawn('sh', ['-c', guard, 'guard', ...command], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, GUARDED_FOLDER: folder },
    });
    this.#guard.stdin?.on('error', () => undefined);
    this.pid = once(this.#guard.stderr!, 'data').then(([line]) => Number(line));
    let output = '';
    this.#guard.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4_000);
    });
    // The command alone holds the pipe by then.
    this.exited = once(this.#guard.stdout!, 'end').then(() => output);
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    process.kill(await this.pid, signal);
  }

  /** Kills it; also twice, and also when it has ended by itself. */
  async stop({ keepFolder = false } = {}): Promise<void> {
    if (this.#guard.exitCode !== null) return;
    const ended = once(this.#guard, 'exit');
    this.#guard.stdin?.end(keepFolder ? 'keep' : '');
    await ended;
  }
}
