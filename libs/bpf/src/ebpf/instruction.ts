/** `struct bpf_insn`: one instruction of the extended machine. */
export interface EbpfInstruction {
  readonly code: number;
  /** Destination register, r0 to r10. */
  readonly dst: number;
  readonly src: number;
  /** Signed 16 bits: a jump's distance from the next instruction, or an offset from an address. */
  readonly off: number;
  /** Signed 32 bits. */
  readonly imm: number;
}

export type EbpfProgram = readonly EbpfInstruction[];

/** Opcode parts with the kernel's names without `BPF_` (include/uapi/linux/bpf.h), where classic BPF has none. */
export const EBPF = {
  ALU64: 0x07,
  JMP32: 0x06,
  DW: 0x18,
  /** `BPF_LD | BPF_DW | BPF_IMM`: a number of 64 bits, in this instruction and the next. */
  LOAD_64: 0x18,
  /** With STX: an atomic operation, which the immediate names; 0 adds (`BPF_ADD`). */
  ATOMIC: 0xc0,
  MOV: 0xb0,
  END: 0xd0,
  /** With END: from the host's byte order to big endian, which is its own inverse. */
  TO_BE: 0x08,
  JNE: 0x50,
  JLT: 0xa0,
  JLE: 0xb0,
  CALL: 0x80,
  EXIT: 0x90,
} as const;

/** Numbers of the kernel's helper functions (`__BPF_FUNC_MAPPER`). */
export const Helper = { MAP_LOOKUP_ELEM: 1, GET_PRANDOM_U32: 7, GET_SMP_PROCESSOR_ID: 8, SKB_LOAD_BYTES: 26 } as const;

/** Offsets in `struct __sk_buff`, what a socket filter sees of a packet's metadata. */
export const SkBuff = {
  LEN: 0,
  PKT_TYPE: 4,
  MARK: 8,
  QUEUE_MAPPING: 12,
  PROTOCOL: 16,
  VLAN_PRESENT: 20,
  VLAN_TCI: 24,
  VLAN_PROTO: 28,
  IFINDEX: 40,
  HASH: 68,
} as const;
