import { BPF, type Instruction, type Program } from '@bpfleet/bpf';

/** One side of a TCP connection of bpfleet itself. 4 or 16 address bytes, network order. */
export interface ExcludedEndpoint {
  readonly address: Uint8Array;
  readonly port: number;
}

/** Where the network header starts, and where the EtherType stands, on the link types that agents capture. */
const LAYOUTS = { EN10MB: { network: 14, etherType: 12 }, RAW: { network: 0, etherType: undefined } } as const;
export type CapturedLinkType = keyof typeof LAYOUTS;

// From the network header on; ours never has options, nor extension headers.
const IPV4 = { fragment: 6, protocol: 9, source: 12, destination: 16, sourcePort: 20, destinationPort: 22 };
const IPV6 = { nextHeader: 6, source: 8, destination: 24, sourcePort: 40, destinationPort: 42 };
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
 * Puts the exclusion of bpfleet's own connections before a program: TCP to or from an endpoint is refused, all else
 * reaches the program as it came. Guards keep every load inside the packet, because a load outside would end the
 * program with "no", and A is 0 again at its start, as the kernel promises it.
 */
export function excludeOwnTraffic(
  program: Program,
  endpoints: readonly ExcludedEndpoint[],
  linkType: CapturedLinkType = 'EN10MB',
): Program {
  const { network } = LAYOUTS[linkType];
  const ipv4 = endpoints.filter(({ address }) => address.length === 4).flatMap((one) => refuseIpv4(one, network));
  const ipv6 = endpoints.filter(({ address }) => address.length === 16).flatMap((one) => refuseIpv6(one, network));
  if (ipv4.length + ipv6.length === 0) return program;
  return [
    ...(ipv4.length > 0 ? guarded(ipv4Guards(linkType), ipv4) : []),
    ...(ipv6.length > 0 ? guarded(ipv6Guards(linkType), ipv6) : []),
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

function ipv4Guards(linkType: CapturedLinkType): readonly Guard[] {
  const { network } = LAYOUTS[linkType];
  return [
    guard(op(LD_LENGTH, 0), JGE, network + IPV4.destinationPort + 2, 'jf'),
    ...etherTypeGuard(linkType, 0x0800),
    guard(op(LD_BYTE, network), JEQ, 0x45, 'jf'),
    guard(op(LD_BYTE, network + IPV4.protocol), JEQ, TCP, 'jf'),
    guard(op(LD_HALF, network + IPV4.fragment), JSET, 0x1fff, 'jt'),
  ];
}

function ipv6Guards(linkType: CapturedLinkType): readonly Guard[] {
  const { network } = LAYOUTS[linkType];
  return [
    guard(op(LD_LENGTH, 0), JGE, network + IPV6.destinationPort + 2, 'jf'),
    ...etherTypeGuard(linkType, 0x86dd),
    // Version 6 in the upper nibble.
    guard(op(LD_BYTE, network), JGE, 0x60, 'jf'),
    guard(op(LD_BYTE, network), JGE, 0x70, 'jt'),
    guard(op(LD_BYTE, network + IPV6.nextHeader), JEQ, TCP, 'jf'),
  ];
}

function etherTypeGuard(linkType: CapturedLinkType, etherType: number): readonly Guard[] {
  const at = LAYOUTS[linkType].etherType;
  return at === undefined ? [] : [guard(op(LD_HALF, at), JEQ, etherType, 'jf')];
}

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

function refuseIpv4({ address, port }: ExcludedEndpoint, network: number): Program {
  const word = wordsOf(address)[0]!;
  return [
    op(LD_WORD, network + IPV4.source),
    op(JEQ, word, 0, 2),
    op(LD_HALF, network + IPV4.sourcePort),
    op(JEQ, port, 4, 0),
    op(LD_WORD, network + IPV4.destination),
    op(JEQ, word, 0, 3),
    op(LD_HALF, network + IPV4.destinationPort),
    op(JEQ, port, 0, 1),
    op(RETURN, 0),
  ];
}

function refuseIpv6({ address, port }: ExcludedEndpoint, network: number): Program {
  const words = wordsOf(address);
  // Layout: source words 0-7, source port 8-9, destination words 10-17, destination port 18-19, return 20.
  const compare = (offset: number, at: number, otherwise: number): Program =>
    words.flatMap((word, i) => [op(LD_WORD, offset + 4 * i), op(JEQ, word, 0, otherwise - (at + 2 * i + 2))]);
  return [
    ...compare(network + IPV6.source, 0, 10),
    op(LD_HALF, network + IPV6.sourcePort),
    op(JEQ, port, 10, 0),
    ...compare(network + IPV6.destination, 10, 21),
    op(LD_HALF, network + IPV6.destinationPort),
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
