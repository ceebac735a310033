import { toEbpfTuples } from '@bpfleet/bpf';
import { type BundleProgram, toBase64 } from '@bpfleet/contract';
import { compileEbpf, selfTestPackets } from '@bpfleet/pcap-filter';
import type { TestFilter } from './signing-service.js';

export const web = (version: number): TestFilter => ({
  ...{ filter: 'web', version, expression: `tcp port ${8000 + version}` },
});
export const dns = (version: number): TestFilter => ({
  ...{ filter: 'dns', version, expression: `udp port ${5300 + version}` },
});

/** Addresses that no range or mask joins, some of them known to the tests: those that end in 7 and 14. */
const list = (count: number, net: number) => [
  ...[7, 14].map((last) => `10.${net}.0.${last}`),
  ...Array.from({ length: count - 2 }, (_, index) => {
    const hash = Math.imul(index + 1, 2_654_435_761) >>> 0;
    return `10.${net}.${(hash >>> 24) | 1}.${(hash >>> 16) & 255}`;
  }),
];

/** Of addresses 10.`net`.…, one after the other. */
export const long = (filter: string, net: number, count = 900): TestFilter => ({
  ...{ filter, version: 1, expression: `src host (${list(count, net).join(' or ')})` },
});

/** Of addresses 10.9.…, which are looked up: eBPF alone can do that. */
export const withMaps = (filter: string, version = 1): TestFilter => {
  const { filter: compiled, stages } = compileEbpf('ip src host in {@list}', {
    ...{ live: true, names: { sets: { list: list(3000, 9) } } },
  });
  const program: BundleProgram = {
    ...{ linkType: 'EN10MB', form: 'live', target: 'ebpf', instructions: toEbpfTuples(compiled.program) },
    maps: compiled.maps.map((map) => ({ ...map, keys: toBase64(map.keys) })),
    selfTest: selfTestPackets({ stages }).packets.map(({ bytes, ...packet }) => ({
      ...packet,
      bytes: toBase64(bytes),
    })),
  };
  return { filter, version, expression: 'ip src host in {@list}', programs: [program] };
};
