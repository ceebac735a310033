import { encodeEbpf, withDescriptors } from '@bpfleet/bpf';
import { LoadedFilter } from '@bpfleet/linux';
import { compileEbpf } from '@bpfleet/pcap-filter';
import { seededRandom } from '@bpfleet/test-environment/live-traffic';
import { median } from '../alternate.js';
import { judged, type MeasuredRow } from '../benchmark.js';

const ADDRESSES = 100_000;
const ROUNDS = 7;

export const largeSetWorkload =
  `100,000 random IPv4 addresses as a named list, “ip host in {@list}”: compiled to eBPF, map made and filled, program loaded; ` +
  'verdicts are tested in tests/conformance/ebpf; left out without the right to load eBPF';

export function measureLargeSet(bench: string, seed: number): MeasuredRow[] {
  if (process.getuid?.() !== 0) return [];
  const random = seededRandom(seed);
  const list = Array.from({ length: ADDRESSES }, () =>
    Array.from({ length: 4 }, () => Math.floor(random() * 256)).join('.'),
  );
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    const { filter } = compileEbpf('ip host in {@list}', { names: { sets: { list } } });
    const encode = (descriptors: readonly number[]) => encodeEbpf(withDescriptors(filter.program, descriptors));
    const loaded = LoadedFilter.load({ maps: filter.maps, encode });
    const ms = performance.now() - start;
    loaded.close();
    return ms;
  });
  const ms = median(times);
  const spread = [Math.min(...times), Math.max(...times)] as const;
  const common = { bench, unit: 'ms', peer: null, better: 'less', n: ROUNDS, spread } as const;
  return [judged({ ...common, row: '100,000 addresses as eBPF map', value: ms, ratio: ms, bar: 500, goal: 150 })];
}
