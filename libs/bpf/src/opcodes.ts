/**
 * The parts an opcode is put together from, with the kernel's names without their prefix
 * (include/uapi/linux/bpf_common.h and filter.h): `BPF.LD | BPF.H | BPF.ABS`.
 */
export const BPF = {
  // instruction classes
  LD: 0x00,
  LDX: 0x01,
  ST: 0x02,
  STX: 0x03,
  ALU: 0x04,
  JMP: 0x05,
  RET: 0x06,
  MISC: 0x07,
  // ld/ldx: size
  W: 0x00,
  H: 0x08,
  B: 0x10,
  // ld/ldx: mode
  IMM: 0x00,
  ABS: 0x20,
  IND: 0x40,
  MEM: 0x60,
  LEN: 0x80,
  MSH: 0xa0,
  // alu
  ADD: 0x00,
  SUB: 0x10,
  MUL: 0x20,
  DIV: 0x30,
  OR: 0x40,
  AND: 0x50,
  LSH: 0x60,
  RSH: 0x70,
  NEG: 0x80,
  MOD: 0x90,
  XOR: 0xa0,
  // jmp
  JA: 0x00,
  JEQ: 0x10,
  JGT: 0x20,
  JGE: 0x30,
  JSET: 0x40,
  // second operand of alu and jmp; value of ret
  K: 0x00,
  X: 0x08,
  A: 0x10,
  // misc
  TAX: 0x00,
  TXA: 0x80,
} as const;

/** Class and mode of a load, whatever its size: without the bits of `BPF_SIZE`. */
export const withoutSize = (code: number): number => code & ~0x18;

/** `BPF_MAXINSNS`: the kernel takes no longer classic program. */
export const MAX_INSTRUCTIONS = 4096;
/** `BPF_MEMWORDS`: scratch words M[0] to M[15]. */
export const MEMORY_WORDS = 16;

/** `SKF_AD_OFF`: absolute loads from here on read the packet's metadata instead of its bytes. */
export const SKF_AD_OFF = 0xffff_f000;
/** `SKF_NET_OFF`: offsets from here to the end are relative to the network header. */
export const SKF_NET_OFF = 0xfff0_0000;
/** `SKF_LL_OFF`: offsets from here to `SKF_NET_OFF` are relative to the link header. */
export const SKF_LL_OFF = 0xffe0_0000;

/** `SKF_AD_*` (include/uapi/linux/filter.h): what stands at `SKF_AD_OFF` + this offset. */
export const Ancillary = {
  PROTOCOL: 0,
  PKTTYPE: 4,
  IFINDEX: 8,
  NLATTR: 12,
  NLATTR_NEST: 16,
  MARK: 20,
  QUEUE: 24,
  HATYPE: 28,
  RXHASH: 32,
  CPU: 36,
  ALU_XOR_X: 40,
  VLAN_TAG: 44,
  VLAN_TAG_PRESENT: 48,
  PAY_OFFSET: 52,
  RANDOM: 56,
  VLAN_TPID: 60,
} as const;

/** Whether an absolute load at `k` reads metadata the kernel knows (`bpf_anc_helper`). */
export function isAncillary(k: number): boolean {
  const offset = k - SKF_AD_OFF;
  return offset >= 0 && offset <= Ancillary.VLAN_TPID && offset % 4 === 0;
}
