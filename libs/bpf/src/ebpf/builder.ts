import { BpfleetError } from '@bpfleet/errors';
import { BPF } from '../opcodes.js';
import { EBPF, type EbpfInstruction, type EbpfProgram } from './instruction.js';

/** `s16 off` of `struct bpf_insn`, include/uapi/linux/bpf.h. */
const MOST_DISTANCE = 0x7fff;

/** A place in the program; jumps may name it before it is placed. */
export type Label = symbol;

/** Puts a program together; distances of jumps are filled in at the end. */
export class EbpfBuilder {
  readonly #instructions: EbpfInstruction[] = [];
  readonly #places = new Map<Label, number>();
  readonly #jumps = new Map<number, Label>();

  /** Whether any jump names it. */
  isNamed(label: Label): boolean {
    return [...this.#jumps.values()].includes(label);
  }

  place(label: Label): void {
    this.#places.set(label, this.#instructions.length);
  }

  emit(code: number, dst = 0, src = 0, off = 0, imm = 0): void {
    this.#instructions.push({ code, dst, src, off, imm: imm | 0 });
  }

  /** A 32-bit operation on a register and a constant; the upper half of the register becomes 0. */
  alu(operation: number, dst: number, imm: number): void {
    this.emit(BPF.ALU | operation | BPF.K, dst, 0, 0, imm);
  }

  aluRegister(operation: number, dst: number, src: number): void {
    this.emit(BPF.ALU | operation | BPF.X, dst, src);
  }

  /** `size` bytes at `src + off`, in the host's byte order. */
  load(size: number, dst: number, src: number, off: number): void {
    this.emit(BPF.LDX | BPF.MEM | size, dst, src, off);
  }

  bigEndian(dst: number, bits: 16 | 32): void {
    this.emit(BPF.ALU | EBPF.END | EBPF.TO_BE, dst, 0, 0, bits);
  }

  goto(label: Label): void {
    this.#jumps.set(this.#instructions.length, label);
    this.emit(BPF.JMP | BPF.JA);
  }

  /** Compares the lower 32 bits: an immediate of 64-bit jumps would be sign-extended. */
  gotoIf(test: number, dst: number, imm: number, label: Label): void {
    this.#jumps.set(this.#instructions.length, label);
    this.emit(EBPF.JMP32 | test | BPF.K, dst, 0, 0, imm);
  }

  gotoIfRegister(test: number, dst: number, src: number, label: Label): void {
    this.#jumps.set(this.#instructions.length, label);
    this.emit(EBPF.JMP32 | test | BPF.X, dst, src);
  }

  /** Compares all 64 bits: what is a pointer. */
  gotoIfNull(test: typeof BPF.JEQ | typeof EBPF.JNE, dst: number, label: Label): void {
    this.#jumps.set(this.#instructions.length, label);
    this.emit(BPF.JMP | test | BPF.K, dst);
  }

  append(instructions: EbpfProgram): void {
    this.#instructions.push(...instructions);
  }

  call(helper: number): void {
    this.emit(BPF.JMP | EBPF.CALL, 0, 0, 0, helper);
  }

  exit(): void {
    this.emit(BPF.JMP | EBPF.EXIT);
  }

  /** @throws BpfleetError `FILTER_TOO_LARGE` for a jump over more than 32,767 instructions */
  build(): EbpfProgram {
    let longest = 0;
    const program = this.#instructions.map((instruction, index) => {
      const label = this.#jumps.get(index);
      if (label === undefined) return instruction;
      const place = this.#places.get(label);
      if (place === undefined) throw new BpfleetError('INTERNAL', `label ${String(label)} was never placed`);
      const off = place - index - 1;
      longest = Math.max(longest, off);
      return { ...instruction, off };
    });
    if (longest > MOST_DISTANCE) throw tooFar(longest, program.length);
    return program;
  }
}

function tooFar(distance: number, instructions: number): BpfleetError {
  return new BpfleetError(
    'FILTER_TOO_LARGE',
    `the filter needs ${instructions} instructions of eBPF, and a jump over ${distance} of them; eBPF jumps over at most ${MOST_DISTANCE}, ${distance - MOST_DISTANCE} fewer`,
  );
}
