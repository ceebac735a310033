import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BpfleetError } from '@bpfleet/errors';
import { compile } from '@bpfleet/pcap-filter';
import { type Random, seededRandom } from '@bpfleet/test-environment/live-traffic';
import { median } from '../alternate.js';
import { judged, type MeasuredRow } from '../benchmark.js';

/** Ten terms, as people write them. */
export const TYPICAL =
  'tcp port 443 and host 10.0.0.7 or net 192.168.0.0/16 and udp and not port 53 or vlan 5 and ip6 or ' +
  'tcp[13] & 2 != 0 and len > 100 or arp';

export const compileWorkload =
  `typical: ${TYPICAL}; lists: that many terms of random addresses, networks (8 to 30 bits) or ports, shuffled, every tenth ` +
  'a duplicate; their verdicts are tested in libs/pcap-filter and tests/conformance';

const ROUNDS = 5;

/** Milliseconds that a compilation takes. */
export function measureCompileTimes(bench: string, seed: number): MeasuredRow[] {
  const random = seededRandom(seed);
  const common = { bench, unit: 'ms', peer: null, better: 'less' } as const;
  const row = (name: string, times: readonly number[], bar: number, goal: number): MeasuredRow => {
    const ms = median(times);
    const spread = [Math.min(...times), Math.max(...times)] as const;
    return judged({ ...common, row: name, value: ms, ratio: ms, spread, n: times.length, bar, goal });
  };
  const first = Array.from({ length: ROUNDS }, firstInProcess);
  for (let index = 0; index < 500; index++) compile(TYPICAL);
  const warm = Array.from({ length: 200 }, () => timed(() => compile(TYPICAL)));
  return [
    row('typical, warm', warm, 0.5, 0.2),
    row('typical, first in the process', first, 5, 2),
    ...LISTS.map(({ name, count, term, bar, goal }) => {
      const terms = listOf(random, count, term);
      return row(`${count.toLocaleString('en-US')} ${name} terms`, timesOf(terms), bar, goal);
    }),
  ];
}

interface List {
  readonly name: string;
  readonly count: number;
  readonly term: (random: Random) => string;
  readonly bar: number;
  readonly goal: number;
}

const below = (random: Random, limit: number) => Math.floor(random() * limit);
const address = (random: Random) => Array.from({ length: 4 }, () => below(random, 256)).join('.');

function network(random: Random): string {
  const bits = 8 + below(random, 23);
  const kept = (below(random, 2 ** 16) * 2 ** 16 + below(random, 2 ** 16)) >>> 0;
  const value = (kept & (0xffff_ffff << (32 - bits))) >>> 0;
  return `${[24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.')}/${bits}`;
}

const LISTS: readonly List[] = [
  { name: 'host', count: 1000, term: (random) => `host ${address(random)}`, bar: 50, goal: 17 },
  { name: 'ip src host', count: 10_000, term: (random) => `ip src host ${address(random)}`, bar: 200, goal: 67 },
  { name: 'net', count: 1000, term: (random) => `net ${network(random)}`, bar: 100, goal: 33 },
  { name: 'port', count: 1000, term: (random) => `port ${below(random, 65_536)}`, bar: 50, goal: 17 },
];

function listOf(random: Random, count: number, term: (random: Random) => string): string[] {
  const terms: string[] = [];
  while (terms.length < count) {
    const again = terms.length % 10 === 9 ? terms[below(random, terms.length)] : undefined;
    terms.push(again ?? term(random));
  }
  return terms;
}

/** A list too long for a classic program takes its time all the same. */
function timesOf(terms: readonly string[]): number[] {
  const expression = terms.join(' or ');
  return Array.from({ length: ROUNDS }, () =>
    timed(() => {
      try {
        compile(expression);
      } catch (error) {
        if (!(error instanceof BpfleetError) || error.code !== 'FILTER_TOO_LARGE') throw error;
      }
    }),
  );
}

function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** In a new process, without the time to load the compiler. */
function firstInProcess(): number {
  const compiler = fileURLToPath(import.meta.resolve('@bpfleet/pcap-filter'));
  const script = `import(${JSON.stringify(compiler)}).then(({ compile }) => {
    const start = performance.now();
    compile(${JSON.stringify(TYPICAL)});
    console.log(performance.now() - start);
  })`;
  return Number(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
}
