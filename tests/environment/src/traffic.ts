import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Host, Hosts } from './hosts.js';

/** Ports of an echo server, open for IPv4 and IPv6. */
export interface EchoPorts {
  readonly tcp?: readonly number[];
  readonly udp?: readonly number[];
}

/** A talk with an echo server. TCP: one connection, opened and closed. Each message waits for the answer to the last. */
export interface Exchange {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  readonly localPort?: number;
  /** 1 unless told. */
  readonly messages?: number;
  /** 32 unless told. */
  readonly messageBytes?: number;
}

/** Something that runs on a host until it is stopped. */
export interface Running<Result> {
  /** Ends it; resolves with what it said at its end. */
  stop(): Promise<Result>;
  /** Resolves when it ends by itself. */
  readonly finished: Promise<Result>;
}

export interface FrameSource {
  /** A pcap or pcapng file with Ethernet frames. */
  readonly file: string;
  /** `eth0` unless told. */
  readonly interfaceName?: string;
  readonly packetsPerSecond: number;
  /** How many in all, going round; the file once unless told. */
  readonly count?: number;
}

export interface FramesSent {
  readonly sent: number;
  /** Frames of the file that the interface cannot carry. */
  readonly skipped: number;
  readonly elapsedMs: number;
}

/** Starts a server on a host that sends back what it gets. Resolves when its ports are open. */
export async function startEchoServer(hosts: Hosts, host: Host, ports: EchoPorts): Promise<Running<void>> {
  const child = start(hosts, host, 'traffic-server.js', [JSON.stringify(ports)]);
  const finished = quiet(outputOf(child).then(() => undefined));
  // It ends first when a port is taken.
  await Promise.race([once(child.stdout!, 'data'), finished]);
  return { finished, stop: () => end(child, finished) };
}

/** Has a host talk to echo servers, one exchange after the other. Rejects when an answer is wrong or missing. */
export async function exchange(hosts: Hosts, host: Host, exchanges: readonly Exchange[]): Promise<void> {
  await outputOf(start(hosts, host, 'traffic-client.js', [JSON.stringify(exchanges)]));
}

/** Sends the frames of a capture file out of a host's interface, as they are, at a rate. */
export function sendFrames(hosts: Hosts, host: Host | Hosts['hub'], source: FrameSource): Running<FramesSent> {
  const count = source.count === undefined ? [] : [String(source.count)];
  const argv = [source.file, source.interfaceName ?? 'eth0', String(source.packetsPerSecond), ...count];
  const child = start(hosts, host, 'send-frames.js', argv);
  const finished = quiet(outputOf(child).then((output) => JSON.parse(output) as FramesSent));
  return { finished, stop: () => end(child, finished) };
}

/** Starts one of our scripts on a host. They are built: Node 20 runs no TypeScript. */
function start(hosts: Hosts, host: Host | Hosts['hub'], script: string, argv: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(`../dist/${script}`, import.meta.url));
  if (!existsSync(path)) throw new Error(`${path} is missing: run \`npm run build\` first`);
  return hosts.spawn(host, [process.execPath, path, ...argv], { stdio: ['pipe', 'pipe', 'pipe'] });
}

/** A script that `Hosts.remove` killed fails; that is of interest only to who waits for it. */
function quiet<Result>(finished: Promise<Result>): Promise<Result> {
  finished.catch(() => undefined);
  return finished;
}

/** The scripts end with their standard input. */
async function end<Result>(child: ChildProcess, finished: Promise<Result>): Promise<Result> {
  child.stdin?.end();
  return await finished;
}

/** What a script wrote to its standard output. Rejects, with what it wrote to the other, when it fails. */
async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  let errors = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0) throw new Error(`${child.spawnargs.slice(4, 6).join(' ')} ended with ${signal ?? code}: ${errors}`);
  return output;
}
