import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { freePorts, imageIsMissing } from '@bpfleet/test-environment';
import type { Requirement } from '@bpfleet/test-environment/requirements';
import { root } from './compose-file.js';

const execute = promisify(execFile);

/** Docker with compose, and these images: the demo is never brought up with what would have to be pulled first. */
export async function compose(images: readonly string[]): Promise<Requirement> {
  if (spawnSync('docker', ['compose', 'version']).status !== 0) return { unavailable: 'no docker compose' };
  for (const image of images) {
    const missing = await imageIsMissing(image);
    if (missing !== undefined) return { unavailable: missing };
  }
  return {};
}

/** The repository's compose file under a name, ports and an image tag of its own, so that it meets no other run. */
export class ComposeProject {
  readonly #name = `bpfleet-test-${process.pid}`;
  readonly #image = `bpfleet-test:${process.pid}`;
  #ports: readonly number[] = [];

  /** Builds and starts everything; resolves when all are healthy. */
  async up(timeoutSeconds: number): Promise<void> {
    this.#ports = await freePorts(2);
    try {
      await this.run('up', '--build', '--wait', '--wait-timeout', String(timeoutSeconds), '--quiet-pull');
    } catch (error) {
      const logs = await this.run('logs', '--no-color', '--tail', '30').catch(() => 'no logs');
      throw new Error(`${(error as Error).message}\n${logs}`);
    }
  }

  /** Removes everything that `up` made. */
  async down(): Promise<void> {
    await this.run('down', '--volumes', '--remove-orphans', '--timeout', '5');
    await execute('docker', ['image', 'rm', '--force', this.#image]);
  }

  /** Runs `docker compose` with these words. */
  async run(...args: string[]): Promise<string> {
    const [server, analytics] = this.#ports.map(String);
    const env = {
      ...process.env,
      BPFLEET_IMAGE: this.#image,
      BPFLEET_SERVER_PORT: server ?? '',
      BPFLEET_ANALYTICS_PORT: analytics ?? '',
    };
    const options = { cwd: root, env, maxBuffer: 64 * 1024 * 1024 };
    return (await execute('docker', ['compose', '-p', this.#name, ...args], options)).stdout;
  }

  /** The variables with which the CLI on this machine reaches the services. */
  get variables(): Record<string, string> {
    return {
      BPFLEET_SERVER: `http://127.0.0.1:${this.#ports[0]}`,
      BPFLEET_ANALYTICS_SERVER: `http://127.0.0.1:${this.#ports[1]}`,
    };
  }

  /** Names of what is still there. */
  async leftovers(): Promise<string[]> {
    const label = `label=com.docker.compose.project=${this.#name}`;
    const kinds = [
      ['ps', '--all'],
      ['volume', 'ls'],
      ['network', 'ls'],
    ];
    const lists = kinds.map(
      async (words) => (await execute('docker', [...words, '--quiet', '--filter', label])).stdout,
    );
    return (await Promise.all(lists)).join('').split('\n').filter(Boolean);
  }
}
