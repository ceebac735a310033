import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type CapturedPacket, readCapture } from '@bpfleet/section';
import type { Host, Hosts } from '@bpfleet/test-environment';

/** A tcpdump on the interface that an agent captures on: what it writes is what the agent must have stored. */
export class TcpdumpBeside {
  /** From here on it has seen all that passed. */
  readonly listeningSinceNs = nowNs();

  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    private readonly file: string,
  ) {}

  /** Resolves when it listens. */
  static async start(
    hosts: Hosts,
    host: Host | Hosts['hub'],
    options: { readonly device: string; readonly snaplen: number; readonly filter: string },
  ): Promise<TcpdumpBeside> {
    const folder = await mkdtemp(join(tmpdir(), 'bpfleet-tcpdump-'));
    const file = join(folder, 'beside.pcap');
    const { device, snaplen, filter } = options;
    const argv = ['tcpdump', '-i', device, '-s', String(snaplen), '--time-stamp-precision=nano', '-B', '65536'];
    // -Z root: it may not write into our folder as another user. -n: asks no name server.
    const child = hosts.spawn(host, [...argv, '-n', '-U', '-Z', 'root', '-w', file, filter], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const lines = createInterface({ input: child.stderr! });
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        said.push(line);
        if (line.includes('listening on')) resolve();
      });
      child.once('exit', () => reject(new Error(`tcpdump ended: ${said.join('; ')}`)));
    });
    return new TcpdumpBeside(child, folder, file);
  }

  /** What it has written by now: tcpdump -U flushes after each packet. */
  async packets(): Promise<CapturedPacket[]> {
    const packets = [...readCapture(await readFile(this.file))];
    return packets.filter(({ atNs }) => atNs >= this.listeningSinceNs);
  }

  async stop(): Promise<CapturedPacket[]> {
    const exited = once(this.process, 'exit');
    this.process.kill('SIGINT');
    await exited;
    const packets = await this.packets();
    await rm(this.folder, { recursive: true });
    return packets;
  }
}

const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n;
