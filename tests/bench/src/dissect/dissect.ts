import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dissectPacket } from '@bpfleet/dissect';
import { LinkType } from '@bpfleet/packet';
import { writePcapHeader, writePcapPacket } from '@bpfleet/section';
import { liveFrames } from '@bpfleet/test-environment/live-traffic';
import { alternate, type Round } from '../alternate.js';
import { type Benchmark, judged, type MeasuredRow, type Result, type RunOptions } from '../benchmark.js';
import { hostileFrames } from './hostile-frames.js';

const NAME = 'dissect';
/** So many that tshark's start is not what is measured. */
const PACKETS = 20_000;
const SHARE_OF_HOSTILE = 0.2;

/** Trees of packets per second, against tshark's. */
export const dissect: Benchmark = {
  name: NAME,
  title: 'dissection into a tree, against tshark -T pdml',
  async run({ budgetMs, seed }: RunOptions): Promise<Result> {
    const version = tsharkVersion();
    const source = liveFrames(seed);
    const frames = Array.from({ length: PACKETS }, () => source.next().value.bytes);
    const hostile = hostileFrames();
    const rows: MeasuredRow[] = [];
    if (version !== undefined) rows.push(await againstTshark(frames, budgetMs * (1 - SHARE_OF_HOSTILE)));
    rows.push(await hostileAgainstOrdinary(hostile, frames, budgetMs * SHARE_OF_HOSTILE));
    const workload =
      `${PACKETS} frames of a company network (Zipf hosts, a tenth IPv6, 60 to 1,474 bytes; DNS, ClientHellos, else payloads that nobody can read), from memory into ` +
      'trees; tshark reads the same from a file and writes PDML to nowhere, its start included. Hostile: frames of 60 KB, each ' +
      'full of the shortest tags, records, chunks, options and lines of one protocol; per frame, against the frames before';
    return { workload, seed, versions: version === undefined ? {} : { tshark: version }, rows };
  },
};

async function againstTshark(frames: readonly Uint8Array[], budgetMs: number): Promise<MeasuredRow> {
  const folder = mkdtempSync(join(tmpdir(), 'bpfleet-bench-'));
  try {
    const file = join(folder, 'traffic.pcap');
    const packets = frames.map((bytes, i) =>
      writePcapPacket(bytes, { atNs: BigInt(i), start: 0, capturedLength: bytes.length, wireLength: bytes.length }),
    );
    writeFileSync(file, Buffer.concat([writePcapHeader(LinkType.EN10MB), ...packets]));
    const peer: Round = async () => {
      const start = performance.now();
      await promisify(execFile)('sh', ['-c', 'tshark -n -r "$0" -T pdml >/dev/null 2>&1', file]);
      return (frames.length / (performance.now() - start)) * 1000;
    };
    const comparison = await alternate(async () => treesPerSecond(frames), peer, budgetMs);
    return judged({
      ...{ bench: NAME, row: 'packets into trees', unit: 'packets/s', bar: 2, goal: 10, better: 'more' },
      ...comparison,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What an attacker gains: his frames may cost as much more as they have more bytes, and their trees have a limit. */
async function hostileAgainstOrdinary(
  hostile: readonly Uint8Array[],
  ordinary: readonly Uint8Array[],
  budgetMs: number,
): Promise<MeasuredRow> {
  const bytesPerSecond = (frames: readonly Uint8Array[]): Round => {
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    return async () => (treesPerSecond(frames) * bytes) / frames.length / 1e6;
  };
  const comparison = await alternate(bytesPerSecond(hostile), bytesPerSecond(ordinary), budgetMs);
  return judged({
    ...{
      bench: NAME,
      row: 'hostile packets, against ordinary ones',
      unit: 'MB/s',
      bar: 0.2,
      goal: 1,
      better: 'more',
    },
    ...comparison,
  });
}

function treesPerSecond(frames: readonly Uint8Array[]): number {
  let layers = 0;
  const start = performance.now();
  for (const bytes of frames) layers += dissectPacket({ bytes, linkType: LinkType.EN10MB }).length;
  const elapsedMs = performance.now() - start;
  if (layers < frames.length) throw new Error(`${layers} layers of ${frames.length} frames`);
  return (frames.length / elapsedMs) * 1000;
}

function tsharkVersion(): string | undefined {
  const { status, stdout } = spawnSync('tshark', ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0] : undefined;
}
