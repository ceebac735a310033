import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A program that a suite runs, or that this machine does not have it. */
export async function tool(name: string): Promise<{ readonly name: string } | { readonly unavailable: string }> {
  try {
    await run(name, ['--version']);
    return { name };
  } catch {
    return { unavailable: `${name} is not installed` };
  }
}
