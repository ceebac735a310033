import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cpuTimeNs } from './cpu-time.js';
import type { Captured, Capturer, Wire } from './wire.js';

/** A program that captures into a file, as somebody without us would run it. */
export interface PeerProgram {
  readonly name: string;
  argv(file: string): readonly string[];
  /** It captures from here on. */
  readonly ready: RegExp;
  /** How many packets it wrote, in what it says at its end. */
  readonly captured: RegExp;
  readonly version: readonly [flag: string, pattern: RegExp];
}

/** Rings of 64 MiB and 96 bytes of each packet, where they offer to cut at all. */
const programs: readonly PeerProgram[] = [
  {
    name: 'tcpdump',
    argv: (file) => ['tcpdump', '-i', 'eth0', '-s', '96', '-B', '65536', '-w', file],
    ready: /listening on/,
    captured: /(\d+) packets? captured/,
    version: ['--version', /tcpdump version (\S+)/],
  },
  {
    name: 'dumpcap',
    argv: (file) => ['dumpcap', '-q', '-i', 'eth0', '-s', '96', '-B', '64', '-w', file],
    ready: /File: /,
    captured: /Packets captured: (\d+)/,
    version: ['--version', /Dumpcap \(Wireshark\) (\S+)/],
  },
  {
    name: 'netsniff-ng',
    argv: (file) => ['netsniff-ng', '--in', 'eth0', '--out', file, '--silent', '--ring-size', '64MiB'],
    ready: /Running!/,
    captured: /(\d+)\s+packets passed filter/,
    version: ['--version', /netsniff-ng (\S+)/],
  },
];

export interface InstalledPeers {
  readonly peers: readonly PeerProgram[];
  readonly versions: Readonly<Record<string, string>>;
}

/** Those that are here; the versions say of the others that they are not. */
export function installedPeers(): InstalledPeers {
  const found = programs.map((program) => {
    const [flag, pattern] = program.version;
    const { stdout, stderr } = spawnSync(program.name, [flag], { encoding: 'utf8' });
    return { program, version: pattern.exec(`${stdout}${stderr}`)?.[1] };
  });
  return {
    peers: found.filter(({ version }) => version !== undefined).map(({ program }) => program),
    versions: Object.fromEntries(found.map(({ program, version }) => [program.name, version ?? 'not installed'])),
  };
}

const START_MS = 10_000;

/** One start of it per round; what it costs to start is not counted. */
export class Peer implements Capturer {
  readonly name: string;

  constructor(
    private readonly program: PeerProgram,
    private readonly folder: string,
  ) {
    this.name = program.name;
  }

  async capture(wire: Wire, traffic: () => Promise<void>): Promise<Captured> {
    const file = join(this.folder, `${this.name}.pcap`);
    const child = spawn('ip', wire.receiverArgv(this.program.argv(file)), { stdio: ['ignore', 'pipe', 'pipe'] });
    const exited = once(child, 'exit');
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
    try {
      await untilSaid(() => said, this.program.ready, this.name);
      const before = cpuTimeNs(child.pid!);
      await traffic();
      const cpuNs = cpuTimeNs(child.pid!) - before;
      child.kill('SIGINT');
      await exited;
      return { captured: Number(this.program.captured.exec(said)?.[1] ?? Number.NaN), cpuNs };
    } finally {
      child.kill('SIGKILL');
      await rm(file, { force: true });
    }
  }
}

async function untilSaid(said: () => string, what: RegExp, name: string): Promise<void> {
  for (const deadline = performance.now() + START_MS; !what.test(said()); ) {
    if (performance.now() > deadline) throw new Error(`${name} does not capture: ${said()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
