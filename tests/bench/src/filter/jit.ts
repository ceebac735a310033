import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { encodeProgram, fromTuples, jit, type PacketFunction, type Program } from '@bpfleet/bpf';
import { Libpcap } from '@bpfleet/linux';
import { compile } from '@bpfleet/pcap-filter';
import { median } from '../alternate.js';
import { judged, type MeasuredRow } from '../benchmark.js';
import { mixedPackets, type PackedPackets } from './jit-traffic.js';

const run = promisify(execFile);

export interface JitOptions {
  readonly seed: number;
  /** Distinct packets. */
  readonly packets: number;
  /** Pairs of ours and theirs. */
  readonly rounds: number;
}

interface Contest {
  readonly name: string;
  readonly ours: PacketFunction;
  readonly theirs: Program;
}

interface Timing {
  readonly matched: number;
  readonly nsPerPacket: number;
}

export const jitWorkload =
  'expressions compiled by us and run as JavaScript, one call per packet as the agent makes them; peer: the same ' +
  'expressions compiled by libpcap and run by its bpf_filter in a C loop (cc -O2, a process of its own); both over the ' +
  'same distinct packets, 48 % of them IPv4, in one piece of memory; ours and peer in turn';

/** Nanoseconds per packet of five filters. Needs a C compiler and libpcap for the peer. */
export async function measureJit({ seed, packets: count, rounds }: JitOptions): Promise<MeasuredRow[]> {
  const packets = mixedPackets(count, seed);
  const contests = contestsOn(packets);
  const peer = await CLoop.build(packets);
  try {
    const rows: MeasuredRow[] = [];
    // Once around first: V8 then knows that the loop calls more than one function, as in an agent with several filters.
    for (const { ours } of contests) timeOurs(ours, packets);
    for (const contest of contests) rows.push(await measure(contest, packets, peer, rounds));
    return rows;
  } finally {
    await peer.remove();
  }
}

async function measure(
  { name, ours, theirs }: Contest,
  packets: PackedPackets,
  peer: CLoop,
  rounds: number,
): Promise<MeasuredRow> {
  const pairs: { readonly ours: number; readonly theirs: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const mine = timeOurs(ours, packets);
    const other = await peer.time(theirs);
    requireSame(name, mine.matched, other.matched, packets.starts.length);
    pairs.push({ ours: mine.nsPerPacket, theirs: other.nsPerPacket });
  }
  const ratios = pairs.map((pair) => pair.ours / pair.theirs);
  return judged({
    ...{ bench: 'filter', row: `js-jit ${name}`, unit: 'ns/packet', better: 'less', bar: 1, goal: 0.5 },
    ...{ value: median(pairs.map((pair) => pair.ours)), peer: median(pairs.map((pair) => pair.theirs)) },
    ...{ ratio: median(ratios), spread: [Math.min(...ratios), Math.max(...ratios)], n: rounds },
  });
}

function contestsOn({ sources }: PackedPackets): Contest[] {
  const libpcap = Libpcap.open();
  const hosts = [...new Set(sources)];
  const list = Array.from({ length: 200 }, (_, index) => hosts[Math.floor((index * hosts.length) / 200)] as string);
  const expressions: readonly (readonly [string, string])[] = [
    ['ip', 'ip'],
    ['tcp port 443', 'tcp port 443'],
    ['host+net', `host ${sources[0]} or net 45.0.0.0/14`],
    ['portrange', 'portrange 5000-9999'],
    ['200 hosts', list.map((host) => `ip src host ${host}`).join(' or ')],
  ];
  try {
    return expressions.map(([name, expression]) => {
      const answer = libpcap.compile(expression);
      if ('refusal' in answer) throw new Error(`libpcap refused ${name}: ${answer.refusal}`);
      return { name, ours: jit(compile(expression).program), theirs: fromTuples(answer.program) };
    });
  } finally {
    libpcap.close();
  }
}

/** Best of some passes, as the C loop does; the first pass of all warms up. */
function timeOurs(verdict: PacketFunction, packets: PackedPackets): Timing {
  let matched = pass(verdict, packets);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < PASSES; round++) {
    const begin = performance.now();
    matched = pass(verdict, packets);
    best = Math.min(best, performance.now() - begin);
  }
  return { matched, nsPerPacket: (best * 1e6) / packets.starts.length };
}

const PASSES = 30;

function pass(verdict: PacketFunction, { bytes, starts, lengths }: PackedPackets): number {
  let matched = 0;
  for (let index = 0; index < starts.length; index++) {
    const length = lengths[index] as number;
    // Counted without a branch, as the C loop does.
    matched += Number(verdict(bytes, starts[index] as number, length, length) !== 0);
  }
  return matched;
}

function requireSame(name: string, ours: number, theirs: number, count: number): void {
  if (ours !== theirs) throw new Error(`${name}: ${ours} packets matched ours, ${theirs} libpcap's`);
  const share = ours / count;
  if (share < 0.01 || share > 0.5) throw new Error(`${name} matched ${(share * 100).toFixed(1)} % of the packets`);
}

/** libpcap's interpreter in a process of its own. */
class CLoop {
  private constructor(private readonly folder: string) {}

  static async build(packets: PackedPackets): Promise<CLoop> {
    const loop = new CLoop(await mkdtemp(join(tmpdir(), 'bpfleet-bench-')));
    // The C file is not copied to dist.
    const source = fileURLToPath(new URL('../../src/filter/bpf-filter-loop.c', import.meta.url));
    const table = Uint32Array.from([packets.starts.length, ...pairs(packets)]);
    await writeFile(join(loop.folder, 'packets'), [new Uint8Array(table.buffer), packets.bytes]);
    await run('cc', ['-O2', '-o', join(loop.folder, 'loop'), source, '-l:libpcap.so.0.8']);
    return loop;
  }

  async time(program: Program): Promise<Timing> {
    const file = join(this.folder, 'program');
    await writeFile(file, encodeProgram(program));
    const { stdout } = await run(join(this.folder, 'loop'), [join(this.folder, 'packets'), file, String(PASSES)]);
    const [matched, nsPerPacket] = stdout.trim().split(' ').map(Number) as [number, number];
    return { matched, nsPerPacket };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

function* pairs({ starts, lengths }: PackedPackets): Generator<number> {
  for (const [index, start] of starts.entries()) {
    yield start;
    yield lengths[index] as number;
  }
}
