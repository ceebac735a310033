import { Ancillary, BPF, type Packet, type Program, SKF_AD_OFF } from '@bpfleet/bpf';

/** Why a run ended. Only `return` is what the program said; the others are the machine's "no". */
export type Ending =
  | 'return'
  | 'outside'
  | 'division'
  /** An indirect load whose sum is 2^31 or more: the kernel takes it for a negative offset, libpcap for one outside. */
  | 'wild'
  /** A word of M[] that nothing stored: the kernel refuses such programs (`check_load_and_stores`), libpcap's machine finds 0. */
  | 'unset'
  /** More jumps back than our unrolled `protochain` looks behind; only libpcap's jumps back. */
  | 'long chain';

export interface Run {
  readonly value: number;
  readonly ending: Ending;
}

/** `CHAIN_HEADERS` of our compiler. */
export const MAX_JUMPS_BACK = 8;

/**
 * Runs libpcap's programs for the oracle. Written apart from `interpret` of libs/bpf, so that a fault there is a difference
 * here; and it follows the jumps back of `protochain`, which no kernel takes.
 * @param visit is told the position of each instruction, and X, before it is done
 */
export function run(program: Program, packet: Packet, visit?: (at: number, x: number) => void): Run {
  const memory = new Uint32Array(16);
  let a = 0;
  let x = 0;
  let at = 0;
  let stored = 0;
  let jumpsBack = 0;
  for (;;) {
    visit?.(at, x);
    const { code, jt, jf, k } = program[at++] ?? { code: BPF.RET, jt: 0, jf: 0, k: 0 };
    const size = (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
    const mode = code & 0xe0;
    if ((code & 0x06) === BPF.LD && mode === BPF.MEM && !(stored & (1 << k))) return { value: 0, ending: 'unset' };
    switch (code & 0x07) {
      case BPF.RET:
        return { value: (code & 0x18) === BPF.A ? a : k, ending: 'return' };
      case BPF.LD:
      case BPF.LDX: {
        const value =
          mode === BPF.IMM
            ? k
            : mode === BPF.MEM
              ? (memory[k] ?? 0)
              : mode === BPF.LEN
                ? packet.wireLength
                : mode === BPF.IND
                  ? loadBehind(packet, x, k, size)
                  : mode === BPF.MSH
                    ? loadAt(packet, k, 1)
                    : k >= SKF_AD_OFF
                      ? beside(packet, k - SKF_AD_OFF)
                      : loadAt(packet, k, size);
        if (typeof value === 'string') return { value: 0, ending: value };
        if ((code & 0x07) === BPF.LD) a = value;
        else x = mode === BPF.MSH ? 4 * (value & 15) : value;
        break;
      }
      case BPF.ST:
        memory[k] = a;
        stored |= 1 << k;
        break;
      case BPF.STX:
        memory[k] = x;
        stored |= 1 << k;
        break;
      case BPF.ALU: {
        const result = alu(code & 0xf0, a, code & BPF.X ? x : k);
        if (result === undefined) return { value: 0, ending: 'division' };
        a = result;
        break;
      }
      case BPF.JMP:
        if (code === (BPF.JMP | BPF.JA) && (k | 0) < 0 && ++jumpsBack > MAX_JUMPS_BACK)
          return { value: 0, ending: 'long chain' };
        at += (code & 0xf0) === BPF.JA ? k | 0 : jumps(code & 0xf0, a, code & BPF.X ? x : k) ? jt : jf;
        break;
      default:
        if (code & BPF.TXA) a = x;
        else x = a;
    }
  }
}

export function loadAt(
  { bytes, start, capturedLength }: Packet,
  offset: number,
  size: number,
): number | 'outside' | 'wild' {
  if (offset >= 0x8000_0000) return 'wild';
  if (offset + size > capturedLength) return 'outside';
  let value = 0;
  for (let index = 0; index < size; index++) value = value * 256 + (bytes[start + offset + index] ?? 0);
  return value;
}

/**
 * At X + k. On a capture libpcap adds to the number of metadata what stands in front of what an encapsulation or radiotap
 * carries; that names nothing, also where the sum begins at 0 again.
 */
export function loadBehind(packet: Packet, x: number, k: number, size: number): number | 'outside' | 'wild' {
  if (MOVED_BY_LIBPCAP.includes(k)) return 'wild';
  return loadAt(packet, (x + k) >>> 0, size);
}

const MOVED_BY_LIBPCAP: readonly number[] = [SKF_AD_OFF + Ancillary.PKTTYPE, SKF_AD_OFF + Ancillary.IFINDEX];

export function beside({ metadata }: Packet, what: number): number | 'outside' | 'wild' {
  if (metadata === undefined) return what === Ancillary.IFINDEX ? 'outside' : 0;
  switch (what) {
    case Ancillary.PROTOCOL:
      return metadata.protocol;
    case Ancillary.PKTTYPE:
      return metadata.packetType;
    case Ancillary.IFINDEX:
      return metadata.interfaceIndex;
    case Ancillary.VLAN_TAG:
      return metadata.vlanTci;
    case Ancillary.VLAN_TAG_PRESENT:
      return Number(metadata.vlanTagPresent);
    case Ancillary.VLAN_TPID:
      return metadata.vlanProtocol;
    default:
      // An index below 0, folded by libpcap's optimiser into an offset that the kernel takes for metadata.
      return 'wild';
  }
}

export function jumps(test: number, a: number, operand: number): boolean {
  if (test === BPF.JEQ) return a === operand;
  if (test === BPF.JGT) return a > operand;
  if (test === BPF.JGE) return a >= operand;
  return (a & operand) !== 0;
}

/** Modulo 2^32; undefined for a division by zero. */
export function alu(operation: number, a: number, operand: number): number | undefined {
  switch (operation) {
    case BPF.ADD:
      return (a + operand) >>> 0;
    case BPF.SUB:
      return (a - operand) >>> 0;
    case BPF.MUL:
      return Math.imul(a, operand) >>> 0;
    case BPF.DIV:
      return operand === 0 ? undefined : Math.floor(a / operand);
    case BPF.MOD:
      return operand === 0 ? undefined : a % operand;
    case BPF.AND:
      return (a & operand) >>> 0;
    case BPF.OR:
      return (a | operand) >>> 0;
    case BPF.XOR:
      return (a ^ operand) >>> 0;
    case BPF.LSH:
      return (a << operand) >>> 0;
    case BPF.RSH:
      return a >>> operand;
    default:
      return -a >>> 0;
  }
}
