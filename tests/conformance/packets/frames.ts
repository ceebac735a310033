import type { LinkForm } from '../link-types.js';
import type { Random } from '../random.js';
import { wirelessFrame } from './wireless.js';

/** What a link carries: its EtherType, or an LLC frame without one. */
interface Carried {
  readonly etherType: number;
  readonly bytes: number[];
}

const u16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];
export const bytesOf = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => (random.chance(50) ? random.below(256) : 0));

/** A frame as this link type has it: of a protocol the filters know, whole, with lengths that agree; mostly 60 bytes or more. */
export function randomFrame(random: Random, form: LinkForm): number[] {
  const carried =
    form.linkType === 'IPV4' ? ipv4(random, 1) : form.linkType === 'IPV6' ? ipv6(random, 1) : payload(random, form);
  return padded(random, inFrame(random, form, carried));
}

/** A frame that carries a geneve tunnel, which few random ones do. */
export function tunnelFrame(random: Random, form: LinkForm): number[] {
  const isVersion4 = form.linkType === 'IPV4' || (form.linkType !== 'IPV6' && random.chance(60));
  const tunnel = { protocol: 17, body: geneve(random, 1) };
  return padded(random, inFrame(random, form, isVersion4 ? ipv4(random, 1, tunnel) : ipv6(random, 1, tunnel)));
}

function padded(random: Random, frame: number[]): number[] {
  const missing = 60 - frame.length;
  return missing > 0 && random.chance(90) ? [...frame, ...Array<number>(missing).fill(0)] : frame;
}

function payload(random: Random, { linkType }: LinkForm): Carried {
  if (linkType === 'RAW' || linkType === 'NULL' || linkType === 'LOOP') {
    return random.chance(50) ? ipv4(random, 1) : ipv6(random, 1);
  }
  return carriedFrame(random, 2);
}

function carriedFrame(random: Random, depth: number): Carried {
  const kind = random.below(depth > 0 ? 16 : 9);
  if (kind < 4) return ipv4(random, depth);
  if (kind < 7) return ipv6(random, depth);
  if (kind === 7) return arp(random);
  if (kind === 8) return llcOrOther(random);
  if (kind < 12) return tagged(random, carriedFrame(random, depth - 1));
  if (kind < 14) return mpls(random, depth);
  return pppoe(random, depth);
}

function tagged(random: Random, inner: Carried): Carried {
  const bytes = [...u16(random.of([0, 1, 10, 100, random.below(65536)])), ...typeOrLength(inner), ...inner.bytes];
  return { etherType: random.of([0x8100, 0x8100, 0x88a8, 0x9100]), bytes };
}

function typeOrLength({ etherType, bytes }: Carried): number[] {
  return u16(etherType === 0 ? bytes.length : etherType);
}

function mpls(random: Random, depth: number): Carried {
  const labels = random.of([1, 1, 2, 3]);
  const stack = Array.from({ length: labels }, (_, index) =>
    u32(((random.of([0, 3, 16, 1024, 0xfffff]) << 12) | (index === labels - 1 ? 0x100 : 0) | 64) >>> 0),
  ).flat();
  return {
    etherType: 0x8847,
    bytes: [...stack, ...(random.chance(60) ? ipv4(random, depth - 1) : ipv6(random, depth - 1)).bytes],
  };
}

function pppoe(random: Random, depth: number): Carried {
  const isDiscovery = random.chance(25);
  const inner = random.chance(60) ? ipv4(random, depth - 1) : ipv6(random, depth - 1);
  const body = isDiscovery ? bytesOf(random, 20) : [...pppProtocol(inner.etherType), ...inner.bytes];
  const code = isDiscovery ? random.of([9, 7, 0x19]) : 0;
  const session = random.of([0, 1, 0x27, 65535]);
  return {
    etherType: isDiscovery ? 0x8863 : 0x8864,
    bytes: [0x11, code, ...u16(session), ...u16(body.length), ...body],
  };
}

const pppProtocol = (etherType: number): number[] =>
  u16(
    new Map([
      [0x86dd, 0x57],
      [0x8847, 0x281],
      [0, 0x23],
      [0x6003, 0x27],
      [0x809b, 0x29],
      [0x8137, 0x2b],
    ]).get(etherType) ?? 0x21,
  );

function arp(random: Random): Carried {
  const addresses = [...mac(random), ...address4(random), ...mac(random), ...address4(random)];
  return {
    etherType: random.chance(70) ? 0x0806 : 0x8035,
    bytes: [0, 1, 8, 0, 6, 4, 0, random.of([1, 2, 3, 4]), ...addresses],
  };
}

/** LLC frames of every format, SNAP, IS-IS and spanning tree; or an EtherType of a protocol filters have a name for. */
function llcOrOther(random: Random): Carried {
  if (random.chance(40)) {
    const etherType = random.of([
      0x6000, 0x6001, 0x6002, 0x6003, 0x6004, 0x6007, 0x809b, 0x80f3, 0x8137, 0x9000, 0x88cc,
    ]);
    return { etherType, bytes: bytesOf(random, 46) };
  }
  const sap = random.of([0x42, 0xe0, 0xf0, 0xfe, 0xaa, 0xff, random.below(256)]);
  const control = random.of([0, 1, 5, 9, 0x03, 0x13, 0x63, 0x73, 0x43, 0x53, 0x0f, 0x1f, 0x6f, 0x7f, 0xe3, 0xaf, 0x87]);
  const snap =
    sap === 0xaa
      ? [
          ...random.of([
            [0, 0, 0],
            [8, 0, 7],
            [0, 0, 0xf8],
          ]),
          ...u16(random.of([0x800, 0x86dd, 0x809b, 0x80f3, 0x806])),
        ]
      : [];
  const osi =
    sap === 0xfe ? [random.of([0x81, 0x82, 0x83]), 27, 1, 0, random.of([15, 16, 17, 18, 20, 24, 25, 26, 27])] : [];
  return {
    etherType: 0,
    bytes: [sap, random.chance(80) ? sap : random.below(256), control, ...snap, ...osi, ...bytesOf(random, 40)],
  };
}

interface Transport {
  readonly protocol: number;
  readonly body: number[];
}

function ipv4(random: Random, depth: number, { protocol, body } = transportOf(random, IPV4_PROTOCOLS, depth)): Carried {
  const optionBytes = 4 * random.of([0, 0, 0, 1, 5, 10]);
  const fragment = random.of([0, 0, 0, 0x4000, 0x2000, 1, 0x2001, 0x1fff]);
  const length = 20 + optionBytes + body.length;
  const head = [0x45 + optionBytes / 4, 0, ...u16(length), ...bytesOf(random, 2), ...u16(fragment), 64, protocol, 0, 0];
  return {
    etherType: 0x0800,
    bytes: [...head, ...address4(random), ...address4(random), ...Array<number>(optionBytes).fill(1), ...body],
  };
}

function ipv6(random: Random, depth: number, carried = transportOf(random, IPV6_PROTOCOLS, depth)): Carried {
  let body = carried.body;
  let next = carried.protocol;
  // Extension headers from the inside out: hop-by-hop and options count in 8 bytes, a fragment header is 8, AH counts in 4.
  for (let headers = random.of([0, 0, 0, 1, 2, 3]); headers > 0; headers--) {
    const kind = random.of([0, 43, 44, 51, 60]);
    const words = kind === 44 ? 0 : random.below(2);
    const size = kind === 51 ? 4 * (words + 2) : 8 * (words + 1);
    body = [
      next,
      words,
      ...(kind === 44 ? u16(random.of([0, 1, 8, 9])) : [0, 0]),
      ...bytesOf(random, size - 4),
      ...body,
    ];
    next = kind;
  }
  return {
    etherType: 0x86dd,
    bytes: [0x60, 0, 0, 0, ...u16(body.length), next, 64, ...address6(random), ...address6(random), ...body],
  };
}

const IPV4_PROTOCOLS = [6, 6, 17, 17, 132, 1, 2, 9, 103, 112, 50, 51, 89, 0, 58];
const IPV6_PROTOCOLS = [6, 6, 17, 17, 132, 58, 58, 50, 103, 59, 89];

function transportOf(random: Random, protocols: readonly number[], depth: number): Transport {
  const protocol = random.of(protocols);
  return { protocol, body: transport(random, protocol, depth) };
}

function transport(random: Random, protocol: number, depth: number): number[] {
  const ports = [...u16(port(random)), ...u16(port(random))];
  const data = bytesOf(random, random.below(30));
  if (protocol === 6)
    return [
      ...ports,
      ...bytesOf(random, 8),
      random.of([0x50, 0x50, 0x80]),
      random.below(256),
      ...bytesOf(random, 6),
      ...data,
    ];
  if (protocol === 17 && depth > 0 && random.chance(20)) return geneve(random, depth);
  if (protocol === 17) return [...ports, ...u16(8 + data.length), 0, 0, ...data];
  if (protocol === 132) return [...ports, ...bytesOf(random, 8), ...data];
  return [
    random.of([0, 3, 5, 8, 11, 128, 129, 134, 135, random.below(256)]),
    random.below(5),
    ...bytesOf(random, 18),
    ...data,
  ];
}

export const GENEVE_PORT = 6081;

/** RFC 8926, with options of 0 to 8 bytes, or so many that all six bits of their length count. */
function geneve(random: Random, depth: number): number[] {
  const words = random.of([0, 1, 2, 33, 32 + random.below(32)]);
  const [protocol, inner] = random.chance(50)
    ? [
        0x6558,
        [
          ...mac(random),
          ...mac(random),
          ...((one) => [...typeOrLength(one), ...one.bytes])(carriedFrame(random, depth - 1)),
        ],
      ]
    : random.chance(60)
      ? [0x0800, ipv4(random, depth - 1).bytes]
      : [0x86dd, ipv6(random, depth - 1).bytes];
  const vni = random.of([0, 1, 0xb, 0xffffff]);
  const header = [words, 0, ...u16(protocol), ...u32((vni << 8) >>> 0), ...bytesOf(random, 4 * words)];
  return [
    ...u16(port(random)),
    ...u16(GENEVE_PORT),
    ...u16(8 + header.length + inner.length),
    0,
    0,
    ...header,
    ...inner,
  ];
}

const port = (random: Random): number => random.of([80, 443, 53, 22, 123, 0, 65535, 1024, random.below(65536)]);
const address4 = (random: Random): number[] =>
  random.of([
    [10, 0, 0, 1],
    [10, 0, 0, 2],
    [192, 168, 1, 7],
    [224, 0, 0, 5],
    [10, 1, 2, 255],
    [127, 0, 0, 1],
    bytesOf(random, 4),
  ]);
const address6 = (random: Random): number[] =>
  random.of([
    [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 1],
    [0xfe, 0x80, ...Array<number>(13).fill(0), 1],
    [0xff, 2, ...Array<number>(13).fill(0), 1],
    bytesOf(random, 16),
  ]);
export const mac = (random: Random): number[] =>
  random.of([
    [0, 0x11, 0x22, 0xaa, 0xbb, 0xcc],
    [255, 255, 255, 255, 255, 255],
    [1, 0, 0x5e, 0, 0, 1],
    [2, 0, 0, 0, 0, 1],
    bytesOf(random, 6),
  ]);

function inFrame(random: Random, form: LinkForm, carried: Carried): number[] {
  const { etherType, bytes } = carried;
  // Cooked headers say "LLC frame" by `ETH_P_802_2`, 4.
  const cooked = etherType === 0 ? random.of([4, 4, 1]) : etherType;
  switch (form.linkType) {
    case 'EN10MB':
      return [...mac(random), ...mac(random), ...typeOrLength(carried), ...bytes];
    case 'LINUX_SLL':
      return [...u16(random.below(5)), ...u16(1), ...u16(6), ...mac(random), 0, 0, ...u16(cooked), ...bytes];
    case 'LINUX_SLL2':
      return [
        ...u16(cooked),
        0,
        0,
        ...u32(random.of([0, 1, 2, 7])),
        ...u16(1),
        random.below(5),
        6,
        ...mac(random),
        0,
        0,
        ...bytes,
      ];
    case 'NULL':
    case 'LOOP': {
      const family = etherType === 0x86dd ? random.of([10, 24, 28, 30]) : random.of([2, 2, 2, 7]);
      const order = form.linkType === 'NULL' && random.chance(50) ? u32(family).reverse() : u32(family);
      return [...order, ...bytes];
    }
    case 'PPP':
      return [
        ...random.of([
          [0xff, 3],
          [0x0f, 0],
          [0, 0],
        ]),
        ...pppProtocol(etherType),
        ...bytes,
      ];
    case 'IEEE802_11':
    case 'IEEE802_11_RADIO':
      return wirelessFrame(random, form.linkType === 'IEEE802_11_RADIO', etherType, bytes);
    default:
      return bytes;
  }
}
