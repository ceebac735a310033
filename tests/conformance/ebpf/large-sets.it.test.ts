import { encodeEbpf, withDescriptors } from '@bpfleet/bpf';
import { KernelVerdicts, LoadedFilter } from '@bpfleet/linux';
import { compileEbpf } from '@bpfleet/pcap-filter';
import { afterAll, expect, it } from 'vitest';
import { type Requirement, suiteRequires } from '../../environment/src/requirements.js';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';

const ADDRESSES = 100_000;
const PROBES = 3_000;

function machine(): Requirement<KernelVerdicts> {
  if (process.getuid?.() !== 0) return { unavailable: 'loading eBPF needs root' };
  try {
    return KernelVerdicts.open();
  } catch (error) {
    return { unavailable: String(error) };
  }
}

suiteRequires('sets in maps', { kernel: machine() }, ({ kernel }) => {
  const seed = seedOfRun();
  const random = new Random(seed);
  afterAll(() => kernel.close());

  const load = (expression: string, list: readonly string[]): LoadedFilter => {
    const { filter } = compileEbpf(expression, { names: { sets: { list } }, counters: true });
    const encode = (descriptors: readonly number[]) => encodeEbpf(withDescriptors(filter.program, descriptors));
    const loaded = LoadedFilter.load({ maps: filter.maps, encode });
    kernel.attachEbpf(loaded.program);
    return loaded;
  };
  /** Counts wrong answers about packets from `source` to `destination`. */
  const wrong = (source: number, destination: number, expected: boolean) =>
    Number((kernel.verdict(ipv4(source, destination)) !== 0) !== expected);

  it(`hold ${ADDRESSES} addresses, found on both sides and nowhere else (BPFLEET_TEST_SEED=${seed})`, () => {
    const list = Array.from({ length: ADDRESSES }, () => anyAddress(random));
    const members = new Set(list);
    const loaded = load('ip host in {@list}', list.map(dotted));
    let different = 0;
    for (let probe = 0; probe < PROBES; probe++) {
      const member = random.of(list);
      const other = random.chance(50) ? anyAddress(random) : (member + 1) >>> 0;
      different += wrong(member, 0x01020304, true) + wrong(0x01020304, member, true);
      different += wrong(other, other, members.has(other));
    }
    expect(different).toBe(0);
    const counted = loaded.counted();
    expect(counted?.seen).toBe(BigInt(3 * PROBES));
    expect(Number(counted?.accepted)).toBeGreaterThanOrEqual(2 * PROBES);
    loaded.close();
    printFigures(seed, `${ADDRESSES} addresses in a map, ${3 * PROBES} packets judged right`);
  });

  it('hold networks as prefixes, and can be denied', () => {
    const networks = Array.from({ length: 5_000 }, () => {
      const bits = 12 + random.below(16);
      return { address: (anyAddress(random) & (0xffff_ffff << (32 - bits))) >>> 0, bits };
    });
    const isMember = (address: number) =>
      networks.some((one) => (address & (0xffff_ffff << (32 - one.bits))) >>> 0 === one.address);
    const loaded = load(
      'ip and not src net in {@list}',
      networks.map(({ address, bits }) => `${dotted(address)}/${bits}`),
    );
    let different = 0;
    for (let probe = 0; probe < PROBES; probe++) {
      const network = random.of(networks);
      const size = 2 ** (32 - network.bits);
      const inside = random.below(size);
      // Its ends and what lies beside them.
      for (const place of [0, size - 1, inside, -1, size]) {
        const address = (network.address + place) >>> 0;
        different += wrong(address, address, !isMember(address));
      }
    }
    expect(different).toBe(0);
    loaded.close();
  });
});

function anyAddress(random: Random): number {
  return (random.below(0x1_0000) * 0x1_0000 + random.below(0x1_0000)) >>> 0;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

function ipv4(source: number, destination: number): Uint8Array {
  const bytes = new Uint8Array(60);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, 0x0800);
  bytes[14] = 0x45;
  view.setUint32(26, source);
  view.setUint32(30, destination);
  return bytes;
}
