import { Readable, Writable } from 'node:stream';
import { run } from '../run.js';
import type { OutputStream } from '../terminal.js';

/** What a command line printed, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly outBytes: Uint8Array;
}

export interface Surroundings {
  readonly env?: Record<string, string>;
  readonly input?: string;
  /** A person watches, on a terminal this wide. */
  readonly columns?: number;
  readonly signal?: AbortSignal;
  readonly nowMs?: number;
}

/** Runs a command line in this process and collects what it prints. */
export async function runCommand(args: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
  const out = new Collected(surroundings.columns);
  const err = new Collected(surroundings.columns);
  const code = await run(args, {
    input: Readable.from([surroundings.input ?? '']),
    out: out as OutputStream,
    err: err as OutputStream,
    env: surroundings.env ?? {},
    now: () => surroundings.nowMs ?? Date.parse('2026-11-22T10:05:00Z'),
    signal: surroundings.signal ?? new AbortController().signal,
  });
  return { code, out: out.text(), err: err.text(), outBytes: out.bytes() };
}

class Collected extends Writable {
  readonly isTTY: boolean;
  readonly #chunks: Buffer[] = [];
  constructor(readonly columns: number | undefined) {
    super();
    this.isTTY = columns !== undefined;
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }
  bytes = (): Uint8Array => Buffer.concat(this.#chunks);
  text = (): string => Buffer.concat(this.#chunks).toString();
}
