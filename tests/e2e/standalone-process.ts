import { type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '@bpfleet/contract';
import { ServiceProcess } from './service-process.js';

export interface StandaloneProcessOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly listen?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly spawn?: (argv: readonly string[], options: SpawnOptions) => ChildProcess;
}

/** The standalone process as `npm start` runs it, once installed and built. */
export function startStandalone(options: StandaloneProcessOptions): ServiceProcess & { readonly client: ApiClient } {
  const { dataDir, port, listen = '127.0.0.1', args = [], env = {}, spawn } = options;
  const service = new ServiceProcess({
    name: 'standalone',
    entry: 'apps/standalone/dist/main.js',
    args: ['--data', dataDir, '--port', String(port), ...args],
    env: { BPFLEET_LISTEN: listen, ...env },
    ...(spawn ? { spawn } : {}),
  });
  return Object.assign(service, { client: new ApiClient({ server: `http://${listen}:${port}` }) });
}

/** A folder for one test, removed after. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'bpfleet-e2e-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
