import { BPF, type Instruction, type Program } from '@bpfleet/bpf';

/** One side of a TCP connection of bpfleet itself. 4 or 16 address bytes, network order. */
export interface ExcludedEndpoint {
  readonly address: Uint8Array;
  readonly port: number;
}

// Fixed offsets of an Ethernet frame whose IPv4 header has no options (ours never has), and of IPv6 without extensions.
const ETHERTYPE = 12;
const IPV4 = {
  version: 14,
  fragment: 20,
  protocol: 23,
  source: 26,
  destination: 30,
  sourcePort: 34,
  destinationPort: 36,
};
const IPV6 = { nextHeader: 20, source: 22, destination: 38, sourcePort: 54, destinationPort: 56 };
const TCP = 6;

const LD_WORD = BPF.LD | BPF.W | BPF.ABS;
const LD_HALF = BPF.LD | BPF.H | BPF.ABS;
const LD_BYTE = BPF.LD | BPF.B | BPF.ABS;
const LD_LENGTH = BPF.LD | BPF.W | BPF.LEN;
const LD_ZERO = BPF.LD | BPF.IMM;
const JEQ = BPF.JMP | BPF.JEQ | BPF.K;
const JGE = BPF.JMP | BPF.JGE | BPF.K;
const JSET = BPF.JMP | BPF.JSET | BPF.K;
const JA = BPF.JMP | BPF.JA;
const RETURN = BPF.RET | BPF.K;

/**
 * Puts the exclusion of bpfleet's own connections before an EN10MB program: TCP to or from an endpoint is refused, all
 * else reaches the program as it came. Guards keep every load inside the packet, because a load outside would end the
 * program with "no", and A is 0 again at its start, as the kernel promises it.
 */
export function excludeOwnTraffic(program: Program, endpoints: readonly ExcludedEndpoint[]): Program {
  const ipv4 = endpoints.filter((endpoint) => endpoint.address.length === 4).flatMap(refuseIpv4);
  const ipv6 = endpoints.filter((endpoint) => endpoint.address.length === 16).flatMap(refuseIpv6);
  if (ipv4.length + ipv6.length === 0) return program;
  return [
    ...(ipv4.length > 0 ? guarded(ipv4Guards, ipv4) : []),
    ...(ipv6.length > 0 ? guarded(ipv6Guards, ipv6) : []),
    op(LD_ZERO, 0),
    ...program,
  ];
}

/** A load and the test whose outcome `leaveOn` says that the packet is none of ours. */
interface Guard {
  readonly load: Instruction;
  readonly code: number;
  readonly k: number;
  readonly leaveOn: 'jt' | 'jf';
}

const guard = (load: Instruction, code: number, k: number, leaveOn: 'jt' | 'jf'): Guard => ({ load, code, k, leaveOn });

const ipv4Guards: readonly Guard[] = [
  guard(op(LD_LENGTH, 0), JGE, IPV4.destinationPort + 2, 'jf'),
  guard(op(LD_HALF, ETHERTYPE), JEQ, 0x0800, 'jf'),
  guard(op(LD_BYTE, IPV4.version), JEQ, 0x45, 'jf'),
  guard(op(LD_BYTE, IPV4.protocol), JEQ, TCP, 'jf'),
  guard(op(LD_HALF, IPV4.fragment), JSET, 0x1fff, 'jt'),
];
const ipv6Guards: readonly Guard[] = [
  guard(op(LD_LENGTH, 0), JGE, IPV6.destinationPort + 2, 'jf'),
  guard(op(LD_HALF, ETHERTYPE), JEQ, 0x86dd, 'jf'),
  guard(op(LD_BYTE, IPV6.nextHeader), JEQ, TCP, 'jf'),
];

/** A packet that is none of ours leaves behind the body, by a JA: a conditional jump reaches only 255 instructions. */
function guarded(guards: readonly Guard[], body: Program): Program {
  const instructionsPerGuard = 3;
  return [
    ...guards.flatMap(({ load, code, k, leaveOn }, index) => {
      const behindBody = (guards.length - index - 1) * instructionsPerGuard + body.length;
      return [load, leaveOn === 'jf' ? op(code, k, 1, 0) : op(code, k, 0, 1), op(JA, behindBody)];
    }),
    ...body,
  ];
}

function refuseIpv4({ address, port }: ExcludedEndpoint): Program {
  const word = wordsOf(address)[0]!;
  return [
    op(LD_WORD, IPV4.source),
    op(JEQ, word, 0, 2),
    op(LD_HALF, IPV4.sourcePort),
    op(JEQ, port, 4, 0),
    op(LD_WORD, IPV4.destination),
    op(JEQ, word, 0, 3),
    op(LD_HALF, IPV4.destinationPort),
    op(JEQ, port, 0, 1),
    op(RETURN, 0),
  ];
}

function refuseIpv6({ address, port }: ExcludedEndpoint): Program {
  const words = wordsOf(address);
  // Layout: source words 0-7, source port 8-9, destination words 10-17, destination port 18-19, return 20.
  const compare = (offset: number, at: number, otherwise: number): Program =>
    words.flatMap((word, i) => [op(LD_WORD, offset + 4 * i), op(JEQ, word, 0, otherwise - (at + 2 * i + 2))]);
  return [
    ...compare(IPV6.source, 0, 10),
    op(LD_HALF, IPV6.sourcePort),
    op(JEQ, port, 10, 0),
    ...compare(IPV6.destination, 10, 21),
    op(LD_HALF, IPV6.destinationPort),
    op(JEQ, port, 0, 1),
    op(RETURN, 0),
  ];
}

function wordsOf(address: Uint8Array): number[] {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  return Array.from({ length: address.length / 4 }, (_, i) => view.getUint32(4 * i));
}

function op(code: number, k: number, jt = 0, jf = 0): Instruction {
  return { code, jt, jf, k };
}
