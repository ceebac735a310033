import { encodeEbpf, withDescriptors } from '@bpfleet/bpf';
import { KernelVerdicts, LoadedFilter } from '@bpfleet/linux';
import { compileEbpf, linkAlone } from '@bpfleet/pcap-filter';
import { afterAll, expect, it } from 'vitest';
import { type Requirement, suiteRequires } from '../../environment/src/requirements.js';

function machine(): Requirement<KernelVerdicts> {
  if (process.getuid?.() !== 0) return { unavailable: 'loading eBPF needs root' };
  try {
    return KernelVerdicts.open();
  } catch (error) {
    return { unavailable: String(error) };
  }
}

const bytesOf = (address: string): number[] =>
  address.includes(':')
    ? [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), Number(address.split('::')[1])]
    : address.split('.').map(Number);

/** TCP from one endpoint to another. */
function tcp(source: string, sourcePort: number, destination: string, destinationPort: number, protocol = 6) {
  const isV6 = source.includes(':');
  const addresses = [...bytesOf(source), ...bytesOf(destination)];
  const ports = [sourcePort >> 8, sourcePort & 255, destinationPort >> 8, destinationPort & 255];
  const header = isV6
    ? [0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, protocol, 64, ...addresses]
    : [8, 0, 0x46, 0, 0, 44, 0, 0, 0, 0, 64, protocol, 0, 0, ...addresses, 1, 1, 1, 0];
  return Uint8Array.from([...Array<number>(12).fill(2), ...header, ...ports, ...Array<number>(16).fill(0)]);
}

suiteRequires('a filter with maps that is alone on its socket', { kernel: machine() }, ({ kernel }) => {
  afterAll(() => kernel.close());
  const list = Array.from({ length: 5000 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
  const { filter } = compileEbpf('ip host in {@list} or ip6', { names: { sets: { list } } });
  const excluded = [
    { address: '192.0.2.9', port: 9092 },
    { address: '2001:db8::9', port: 7420 },
  ];
  const program = linkAlone({ linkerVersion: 1, linkType: 'EN10MB', program: filter.program, excluded });

  const attached = <T>(program: typeof filter.program, judge: () => T): T => {
    const encode = (descriptors: readonly number[]) => encodeEbpf(withDescriptors(program, descriptors));
    const loaded = LoadedFilter.load({ maps: filter.maps, encode });
    kernel.attachEbpf(loaded.program);
    loaded.close();
    return judge();
  };
  const packets: readonly [name: string, packet: Uint8Array, isOwn: boolean, matches: boolean][] = [
    ['to our broker', tcp('10.1.0.7', 40_000, '192.0.2.9', 9092), true, true],
    ['from our broker', tcp('192.0.2.9', 9092, '10.1.0.7', 40_000), true, true],
    ['to our server by IPv6', tcp('2001:db8::1', 40_000, '2001:db8::9', 7420), true, true],
    ['to another port there', tcp('10.1.0.7', 40_000, '192.0.2.9', 9093), false, true],
    ['to that port elsewhere', tcp('10.1.0.7', 9092, '192.0.2.8', 40_000), false, true],
    ['by UDP', tcp('10.1.0.7', 40_000, '192.0.2.9', 9092, 17), false, true],
    ['of others', tcp('203.0.113.1', 1, '203.0.113.2', 2), false, false],
    ['cut off behind the addresses', tcp('10.1.0.7', 40_000, '192.0.2.9', 9092).slice(0, 34), false, true],
    ['of ARP', Uint8Array.from([...Array<number>(12).fill(2), 8, 6, ...Array<number>(30).fill(0)]), false, false],
  ];

  it.each(packets)('sees packets %s, unless they are our own', (_, packet, isOwn, matches) => {
    expect(attached(filter.program, () => kernel.verdict(packet) > 0)).toBe(matches);
    expect(attached(program, () => kernel.verdict(packet) > 0)).toBe(matches && !isOwn);
  });

  it('is what it was where there is nothing to exclude', () => {
    const same = linkAlone({ linkerVersion: 1, linkType: 'PPP', program: filter.program, excluded: [] });
    expect(same).toEqual(filter.program);
  });

  it('is refused where own traffic cannot be told', () => {
    const request = { linkerVersion: 1, linkType: 'IEEE802_11_RADIO', program: filter.program, excluded };
    expect(() => linkAlone(request)).toThrow(expect.objectContaining({ code: 'FILTER_UNSUPPORTED' }));
    expect(() => linkAlone({ ...request, linkerVersion: 2 })).toThrow(/no linker version 2/);
  });
});
