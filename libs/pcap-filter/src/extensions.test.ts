import { checkProgram, interpret, type PacketMetadata } from '@bpfleet/bpf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CompileOptions, compile } from './compile.js';

/** A frame of Ethernet, tags, IPv6 with extension headers, or IPv4, and TCP with a port, or ICMPv6 with a type. */
interface Layout {
  readonly tags?: readonly number[];
  /** Numbers of the headers between IPv6 and TCP; undefined: IPv4. */
  readonly headers?: readonly ExtensionHeader[];
  readonly port: number;
  /** Of the fragment header, in units of eight bytes. */
  readonly fragmentOffset?: number;
  /** The fragment header's second byte and last three bits: reserved, and whether more fragments follow. */
  readonly fragmentBeside?: readonly [number, number];
  /** Instead of TCP. */
  readonly icmp6Type?: number;
}

const extensionHeaders = [0, 43, 44, 51, 60] as const;
type ExtensionHeader = (typeof extensionHeaders)[number];

const FRAGMENT = 44;
const AUTHENTICATION = 51;
const TCP = 6;
const ICMP6 = 58;

/** With a length in each header that is not the least. */
function frameOf({ tags = [], headers, port, icmp6Type, ...fragment }: Layout): Uint8Array {
  const link = [...Array(12).fill(2), ...tags.flatMap((id) => [0x81, 0, id >> 8, id & 255])];
  const tcp = [0x12, 0x34, port >> 8, port & 255, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0, 0, 0, 0, 0, 0];
  if (headers === undefined) {
    const ip = [0x45, 0, 0, 40, 0, 0, 0, 0, 64, TCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    return Uint8Array.from([...link, 0x08, 0x00, ...ip, ...tcp]);
  }
  const [number, body] =
    icmp6Type === undefined ? [TCP, tcp] : [ICMP6, [icmp6Type, 0, 0xab, 0xcd, ...Array(20).fill(0)]];
  const chain = headers.flatMap((header, index) => headerBytes(header, headers[index + 1] ?? number, fragment));
  const fixed = [0x60, 0, 0, 0, 0, chain.length + body.length, headers[0] ?? number, 64, ...Array(32).fill(1)];
  return Uint8Array.from([...link, 0x86, 0xdd, ...fixed, ...chain, ...body]);
}

/** RFC 8200, section 4, and RFC 4302 for the authentication header, whose length counts words of four bytes less two. */
function headerBytes(
  header: ExtensionHeader,
  next: number,
  { fragmentOffset = 0, fragmentBeside: [reserved, low] = [0, 0] }: Pick<Layout, 'fragmentOffset' | 'fragmentBeside'>,
): number[] {
  if (header === FRAGMENT) {
    return [next, reserved, fragmentOffset >> 5, ((fragmentOffset << 3) & 0xf8) | low, 0, 0, 0, 1];
  }
  if (header === AUTHENTICATION) return [next, 4, ...Array(22).fill(0)];
  return [next, 1, ...Array(14).fill(0)];
}

/** Whether the expression matches the frame; the program is one that the kernel takes. */
function matches(expression: string, layout: Layout, options: CompileOptions = {}, metadata?: PacketMetadata): boolean {
  const answers = [true, false].map((optimize) => {
    const { program } = compile(expression, { ...options, optimize });
    expect(checkProgram(program)).toBeUndefined();
    const bytes = frameOf(layout);
    const packet = { bytes, start: 0, capturedLength: bytes.length, wireLength: bytes.length };
    return interpret(program, metadata === undefined ? packet : { ...packet, metadata }) !== 0;
  });
  expect(answers[0]).toBe(answers[1]);
  return answers[0] as boolean;
}

const chain = (maxLength: number) => fc.array(fc.constantFrom(...extensionHeaders), { maxLength });

describe('IPv6 extension headers', () => {
  const walk = (count: number): CompileOptions => ({ extensions: { ipv6ExtensionHeaders: count } });

  it.each(['tcp dst port 80', 'tcp', 'port 80', 'tcp[13] & 2 != 0', 'tcp[2:2] = 80', 'ip6 proto 6'])(
    '“%s” looks behind as many as are asked for, and no further',
    (expression) => {
      fc.assert(
        fc.property(chain(5), fc.integer({ min: 1, max: 4 }), (headers, count) => {
          const isWithin = headers.length <= count;
          const found = matches(expression, { headers, port: 80 }, walk(count));
          if (isWithin) expect(found).toBe(true);
          else expect(found).toBe(false);
        }),
        { numRuns: 60 },
      );
    },
  );

  it('asks for the port that is there', () => {
    fc.assert(
      fc.property(chain(4), fc.integer({ min: 78, max: 82 }), (headers, port) => {
        expect(matches('tcp dst port 80', { headers, port }, walk(4))).toBe(port === 80);
      }),
      { numRuns: 100 },
    );
  });

  it('finds the protocol of later fragments, but no port in them', () => {
    const later: Layout = { headers: [0, 44], port: 80, fragmentOffset: 185 };
    expect(matches('tcp', later, walk(4))).toBe(true);
    expect(matches('tcp dst port 80', later, walk(4))).toBe(false);
    expect(matches('tcp dst port 80', { ...later, fragmentOffset: 0 }, walk(4))).toBe(true);
  });

  it('ignores what RFC 8200 reserves in a fragment header, and takes a first fragment’s ports', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 7 }), (reserved, low) => {
        const first: Layout = { headers: [44, 60], port: 80, fragmentBeside: [reserved, low] };
        for (const one of ['tcp dst port 80', 'tcp[2:2] = 80', 'tcp']) expect(matches(one, first, walk(4))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('reads ICMPv6 behind them, as MLD packets have it', () => {
    fc.assert(
      fc.property(chain(4), fc.integer({ min: 142, max: 144 }), (headers, icmp6Type) => {
        const packet: Layout = { headers, port: 0, icmp6Type };
        expect(matches('icmp6[icmp6type] = 143', packet, walk(4))).toBe(icmp6Type === 143);
        expect(matches('icmp6[ip6[6] - ip6[6] + 2:2] = 0xabcd', packet, walk(4))).toBe(true);
        expect(matches('icmp6[0] >= 0', { headers, port: 80 }, walk(4))).toBe(false);
      }),
      { numRuns: 60 },
    );
    const later: Layout = { headers: [44], port: 0, icmp6Type: 143, fragmentOffset: 185 };
    expect(matches('icmp6[icmp6type] = 143', later, walk(4))).toBe(false);
  });

  it('takes nothing in a later fragment for a header, whatever the next header is called', () => {
    const later: Layout = { headers: [44, 60], port: 80, fragmentOffset: 185 };
    expect(matches('tcp', later, walk(4))).toBe(false);
    expect(matches('ip6 proto 60', later, walk(4))).toBe(true);
    expect(matches('tcp', { ...later, fragmentOffset: 0 }, walk(4))).toBe(true);
  });

  it('is off unless asked for, as in libpcap', () => {
    expect(matches('tcp dst port 80', { headers: [0], port: 80 })).toBe(false);
    expect(matches('tcp dst port 80', { headers: [], port: 80 })).toBe(true);
    expect(matches('tcp[2:2] = 80', { headers: [], port: 80 })).toBe(false);
  });

  it('does not change what is found in IPv4', () => {
    expect(matches('tcp dst port 80', { port: 80 }, walk(4))).toBe(true);
    expect(matches('tcp[2:2] = 80', { port: 81 }, walk(4))).toBe(false);
  });
});

describe('protochain', () => {
  it('is a program without a loop, and looks behind eight headers', () => {
    fc.assert(
      fc.property(chain(8), (headers) => {
        expect(matches('ip6 protochain 6', { headers, port: 80 })).toBe(true);
        expect(matches('ip6 protochain 17', { headers, port: 80 })).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

describe('VLAN-transparent', () => {
  const transparent: CompileOptions = { extensions: { vlanTransparent: true } };

  it.each(['tcp dst port 80', 'host 10.0.0.1', 'ip', 'ip[9] = 6', 'not (udp or arp) and port 80'])(
    '“%s” is found behind no tag, one and two',
    (expression) => {
      for (const tags of [[], [5], [5, 6]]) {
        expect(matches(expression, { tags, port: 80 }, transparent)).toBe(true);
        expect(matches(expression, { tags, port: 80 })).toBe(tags.length === 0);
      }
    },
  );

  it('is about Ethernet: elsewhere it changes nothing', () => {
    for (const linkType of ['RAW', 'NULL', 'PPP', 'LINUX_SLL']) {
      const answer = (options: CompileOptions) => {
        try {
          return compile('vlan 5 and tcp', { ...options, linkType }).program;
        } catch (error) {
          return String(error);
        }
      };
      expect(answer(transparent)).toEqual(answer({}));
    }
  });

  it('does not match what is not there', () => {
    for (const tags of [[], [5], [5, 6]]) {
      expect(matches('tcp dst port 80', { tags, port: 81 }, transparent)).toBe(false);
      expect(matches('host 10.0.0.9', { tags, port: 80 }, transparent)).toBe(false);
    }
    expect(matches('tcp dst port 80', { tags: [5, 6, 7], port: 80 }, transparent)).toBe(false);
  });

  it('takes the tag beside the bytes for one in a live capture', () => {
    const metadata = { protocol: 0x800, packetType: 0, interfaceIndex: 1, vlanTagPresent: true, vlanTci: 5 };
    const live = { ...transparent, live: true };
    const beside: PacketMetadata = { ...metadata, vlanProtocol: 0x8100 };
    expect(matches('tcp dst port 80', { port: 80 }, live, beside)).toBe(true);
    expect(matches('tcp dst port 80', { tags: [6], port: 80 }, live, beside)).toBe(true);
  });
});

describe('scoped encapsulation', () => {
  const scoped: CompileOptions = { extensions: { scopedEncapsulation: true } };
  const either = '(vlan 5 and tcp dst port 80) or tcp dst port 81';

  it('ends with the parentheses around it', () => {
    expect(matches(either, { port: 81 }, scoped)).toBe(true);
    expect(matches(either, { tags: [5], port: 80 }, scoped)).toBe(true);
    expect(matches(either, { tags: [6], port: 81 }, scoped)).toBe(false);
    expect(matches(either, { port: 80 }, scoped)).toBe(false);
  });

  it('ends with parentheses around a single word too', () => {
    expect(matches('(vlan 5) or tcp dst port 81', { port: 81 }, scoped)).toBe(true);
    expect(matches('(vlan 5) or tcp dst port 81', { port: 81 })).toBe(false);
    expect(matches('not (vlan 5) and tcp dst port 81', { port: 81 }, scoped)).toBe(true);
    expect(matches('(not vlan 5) and tcp dst port 81', { port: 81 }, scoped)).toBe(true);
    expect(matches('(not vlan 5) and tcp dst port 81', { port: 81 })).toBe(false);
  });

  it('leaks on in libpcap’s meaning, the default', () => {
    expect(matches(either, { port: 81 })).toBe(false);
    expect(matches(either, { tags: [6], port: 81 })).toBe(true);
  });
});

describe('lists of VLAN ids', () => {
  it('match each of them and nothing beside, with one tag', () => {
    for (let id = 8; id <= 33; id++) {
      const isListed = id === 10 || (id >= 20 && id <= 30);
      expect(matches('vlan 10,20-30', { tags: [id], port: 80 })).toBe(isListed);
      expect(matches('vlan 10,20-30 and tcp dst port 80', { tags: [id], port: 80 })).toBe(isListed);
    }
    expect(matches('vlan 10,20-30', { port: 80 })).toBe(false);
  });
});

describe('sets', () => {
  it('mean what their values mean joined by “or”', () => {
    const values = fc.uniqueArray(fc.integer({ min: 60, max: 100 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(values, fc.integer({ min: 60, max: 100 }), (ports, port) => {
        const set = `port in {${ports.join(', ')}}`;
        const single = ports.map((one) => `port ${one}`).join(' or ');
        expect(matches(set, { port })).toBe(ports.includes(port));
        expect(matches(single, { port })).toBe(ports.includes(port));
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['host in {10.0.0.1, 10.1.0.0/16, 2001:db8::/32}', true],
    ['host in {10.0.0.9}', false],
    ['net in {10.0.0.0/8}', true],
    ['src net in {192.168.0.0/16, 10.0.0.0/30}', true],
    ['host in {@list, 10.9.9.9}', true],
    ['dst port in {22, 8000-8080, 79-81}', true],
    ['src port in {80}', false],
    ['ether host in {02:02:02:02:02:02}', true],
    ['not host in {10.0.0.1}', false],
  ])('“%s” on 10.0.0.1 > 10.0.0.2.80: %s', (expression, expected) => {
    const names = { sets: { list: ['10.0.0.0/31'] } };
    expect(matches(expression, { port: 80 }, { names })).toBe(expected);
  });
});
