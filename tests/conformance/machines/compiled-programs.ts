import { BPF, fromTuples, type Packet, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import type { Libpcap } from '@bpfleet/linux';
import { compile } from '@bpfleet/pcap-filter';
import type { Random } from '../random.js';

/** What people filter for, and what makes libpcap use each kind of instruction. `#` stands for a number up to 3. */
const TERMS = [
  'ip',
  'ip6',
  'arp',
  'tcp',
  'udp',
  'icmp',
  'tcp port 443',
  'udp port 53',
  'port #',
  'portrange 8000-8100',
  'src portrange 1-1023',
  'host 10.0.0.#',
  'src host 10.0.#.1',
  'ip src host 10.0.0.# or 10.0.0.9',
  'net 10.0.0.0/8',
  'dst net 192.168.#.0/24',
  'host 2001:db8::#',
  'net 2001:db8::/32',
  'ether host 00:11:22:33:44:5#',
  'ether broadcast',
  'ip multicast',
  'vlan #',
  'vlan and tcp',
  'mpls #',
  'less 12#',
  'greater 6#',
  'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0',
  'tcp[(tcp[12] & 0xf0) >> 2 : 4] = 0x47455420',
  'ip[8] < 6#',
  'ip[2:2] > 57#',
  'udp[4:2] - 8 > 10#',
  'ip[0] & 0xf != 5',
  'ether[ip[9] % 8] = #',
  'ip[2:2] / (ether[0] + 1) > #',
  'ip6[40 + ip6[6]] = #',
  'len - 14 != ip[2:2]',
  'ip proto 4#',
  'ip[6:2] & 0x1fff = 0',
  'ether[12:2] << 2 > 0x20#0',
  'ip[12:4] * 3 != #',
  'icmp[icmptype] = icmp-echo',
] as const;

/** Programs of ours and of libpcap for random expressions, optimised or not. */
export function compiledPrograms(libpcap: Libpcap, random: Random, count: number): Program[] {
  const programs: Program[] = [];
  while (programs.length < count) {
    const program = random.chance(50) ? ours(random) : libpcaps(libpcap, random);
    // Some expressions can never match, and are refused.
    if (program !== undefined) programs.push(program);
  }
  return programs;
}

/** Of random conjunctions: `mpls and vlan` and the like mean nothing, others can never match. */
const REFUSALS: ReadonlySet<string> = new Set(['NEVER_MATCHES', 'FILTER_UNSUPPORTED']);

function ours(random: Random): Program | undefined {
  try {
    return compile(randomExpression(random), { optimize: random.chance(60) }).program;
  } catch (error) {
    if (error instanceof BpfleetError && REFUSALS.has(error.code)) return undefined;
    throw error;
  }
}

function libpcaps(libpcap: Libpcap, random: Random): Program | undefined {
  const answer = libpcap.compile(randomExpression(random), { optimize: random.chance(60) });
  return 'program' in answer ? fromTuples(answer.program) : undefined;
}

function randomExpression(random: Random): string {
  const term = () => `${random.chance(15) ? 'not ' : ''}(${random.of(TERMS).replaceAll('#', String(random.below(4)))})`;
  const terms = Array.from({ length: 1 + random.below(4) }, term);
  return terms.reduce((left, right) => `${left} ${random.of(['and', 'or'])} ${right}`);
}

/** A packet aimed at a program: constants that it compares with stand where it looks, in an IPv4 or IPv6 frame or in noise. */
export function packetFor(program: Program, random: Random, least = 0): Packet {
  const wireLength = Math.max(least, random.chance(15) ? random.below(1601) : 40 + random.below(100));
  const bytes = new Uint8Array(wireLength);
  const noisy = random.of([0, 30, 100]);
  for (let at = 0; at < wireLength; at++) if (random.chance(noisy)) bytes[at] = random.below(256);
  const view = new DataView(bytes.buffer);
  const kind = random.below(4);
  if (kind < 2 && wireLength > 34) {
    view.setUint16(12, 0x0800);
    bytes[14] = 0x40 | random.of([5, 5, 5, 6, 15]);
    view.setUint16(16, wireLength - 14);
    view.setUint16(20, random.chance(80) ? 0 : random.below(0x4000));
    bytes[23] = random.of([1, 6, 17, 6, 17, 132]);
    view.setUint32(26, 0x0a00_0000 + random.below(4));
  }
  if (kind === 2 && wireLength > 54) {
    view.setUint16(12, 0x86dd);
    bytes[20] = random.of([6, 17, 58, 44]);
  }
  let constant = 0;
  for (const { code, k } of program.toReversed()) {
    // The load a test belongs to mostly stands before it.
    if ((code & 0x07) === BPF.JMP && !(code & BPF.X)) constant = k;
    const size = (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
    const place = (code & 0xe7) === (BPF.LD | BPF.ABS) ? k : (code & 0xe7) === (BPF.LD | BPF.IND) ? k + 20 : undefined;
    if (place === undefined || place + size > wireLength || !random.chance(30)) continue;
    const value = constant + random.of([0, 0, 0, 1, -1]);
    for (let index = 0; index < size; index++) bytes[place + index] = (value >>> (8 * (size - 1 - index))) & 0xff;
  }
  return { bytes, start: 0, capturedLength: wireLength, wireLength };
}
