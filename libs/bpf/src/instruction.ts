/** `struct sock_filter`: one instruction of the classic machine. */
export interface Instruction {
  readonly code: number;
  /** Instructions to skip when the condition holds; 0 is the next one. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export type Program = readonly Instruction[];

/** An instruction that does not branch (`BPF_STMT`). */
export function statement(code: number, k = 0): Instruction {
  return { code, jt: 0, jf: 0, k: k >>> 0 };
}

/** A conditional jump (`BPF_JUMP`). */
export function jump(code: number, k: number, jt: number, jf: number): Instruction {
  return { code, jt, jf, k: k >>> 0 };
}
