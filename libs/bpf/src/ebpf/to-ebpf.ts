import { BpfleetError } from '@bpfleet/errors';
import { checkProgram } from '../check/check.js';
import type { Instruction, Program } from '../instruction.js';
import { BPF, SKF_AD_OFF, SKF_LL_OFF } from '../opcodes.js';
import { SET_TEST } from '../set-test.js';
import { EbpfBuilder, type Label } from './builder.js';
import { EBPF, type EbpfProgram, Helper, SkBuff } from './instruction.js';
import { A, CONTEXT, FRAME, HAVE, MEMORY, SCRATCH, X } from './layout.js';
import { ACCEPTED, COUNTERS, MapCode, SEEN } from './map-code.js';
import { type EbpfFilter, type EbpfMap, mapOfSet } from './maps.js';
import { emitMetadata } from './metadata.js';
import { provenLengths } from './proven-lengths.js';
import { fixedLoad, type Region, regionOf, sizeOf } from './region.js';

const WIDTH = { 1: BPF.B, 2: BPF.H, 4: BPF.W } as const;
/** Jumps and what they are called the other way round; JSET has no opposite. */
const OPPOSITE: Readonly<Record<number, number>> = { [BPF.JEQ]: EBPF.JNE, [BPF.JGT]: EBPF.JLE, [BPF.JGE]: EBPF.JLT };

/**
 * Translates a classic program to an eBPF socket filter with the same verdict on every packet, as the kernel gives it:
 * A and X start at 0, a load outside the packet or a division by X = 0 ends the program with 0, shifts use five bits,
 * [x + k] is added modulo 2^32. Sums of 2^31 or more are outside: the kernel's classic machine would read relative to
 * its headers there, which no filter of ours asks for.
 * @throws BpfleetError `PROGRAM_INVALID` for what `checkProgram` refuses, `FILTER_UNSUPPORTED` for metadata and headers
 *   that a socket filter cannot read, `FILTER_TOO_LARGE`
 */
export function toEbpf(program: Program): EbpfProgram {
  const fault = checkProgram(program);
  if (fault !== undefined)
    throw new BpfleetError('PROGRAM_INVALID', `instruction ${fault.instruction}: ${fault.message}`);
  return translateToEbpf(program).program;
}

export interface TranslateOptions {
  /** What `JUMP_IN_SET` looks in, by number. */
  readonly sets?: readonly Uint32Array[];
  /** Count in a last map of two 64-bit numbers: packets seen, packets accepted. */
  readonly counters?: boolean;
}

/**
 * As `toEbpf`, of a program that is valid but for its length, and that may test sets.
 * @throws BpfleetError `FILTER_UNSUPPORTED`, `FILTER_TOO_LARGE`
 */
export function translateToEbpf(program: Program, { sets = [], counters = false }: TranslateOptions = {}): EbpfFilter {
  const maps = [...sets.map(mapOfSet), ...(counters ? [COUNTERS] : [])];
  return { program: new Translation(program, maps).run(), maps };
}

class Translation {
  readonly #out = new EbpfBuilder();
  readonly #fail: Label = Symbol('fail');
  readonly #labels: Label[];
  readonly #region: Region | undefined;
  /** The least length each instruction is reached with, -1 for unreachable ones: the verifier refuses those. */
  readonly #proven: number[];

  readonly #maps: MapCode;

  constructor(
    private readonly program: Program,
    maps: readonly EbpfMap[],
  ) {
    this.#maps = new MapCode(this.#out, maps);
    this.#labels = program.map((_, index) => Symbol(`${index}`));
    this.#proven = provenLengths(program);
    this.#region = regionOf(
      program.filter((_, index) => (this.#proven[index] as number) >= 0),
      SCRATCH,
    );
  }

  run(): EbpfProgram {
    const out = this.#out;
    out.emit(EBPF.ALU64 | EBPF.MOV | BPF.X, CONTEXT, 1);
    out.alu(EBPF.MOV, A, 0);
    out.alu(EBPF.MOV, X, 0);
    this.#maps.count(SEEN);
    if (this.#region !== undefined) this.#copy(this.#region);
    this.program.forEach((instruction, index) => {
      if ((this.#proven[index] as number) < 0) return;
      out.place(this.#labels[index] as Label);
      this.#translate(instruction, index);
    });
    // The verifier refuses instructions that nothing leads to.
    if (out.isNamed(this.#fail)) {
      out.place(this.#fail);
      out.alu(EBPF.MOV, 0, 0);
      out.exit();
    }
    return out.build();
  }

  /** min(length, region) bytes of the packet to the stack. The helper fails for more than there is, and for none. */
  #copy({ bytes, base, bottom }: Region): void {
    const out = this.#out;
    const enough = Symbol('enough');
    const empty = Symbol('empty');
    // Kernels before 6.3 want the stack written before a helper fills part of it.
    for (let at = bottom; at < SCRATCH; at += 8) out.emit(BPF.ST | BPF.MEM | EBPF.DW, FRAME, 0, at, 0);
    out.load(BPF.W, HAVE, CONTEXT, SkBuff.LEN);
    out.gotoIf(EBPF.JLE, HAVE, bytes, enough);
    out.alu(EBPF.MOV, HAVE, bytes);
    out.place(enough);
    out.gotoIf(BPF.JEQ, HAVE, 0, empty);
    out.alu(EBPF.MOV, 2, 0);
    this.#callLoad(base, () => out.aluRegister(EBPF.MOV, 4, HAVE));
    out.place(empty);
  }

  /** bpf_skb_load_bytes(ctx, r2, stack, size); ends the program where it fails. */
  #callLoad(to: number, setSize: () => void): void {
    const out = this.#out;
    out.emit(EBPF.ALU64 | EBPF.MOV | BPF.X, 1, CONTEXT);
    out.emit(EBPF.ALU64 | EBPF.MOV | BPF.X, 3, FRAME);
    out.emit(EBPF.ALU64 | BPF.ADD | BPF.K, 3, 0, 0, to);
    setSize();
    out.call(Helper.SKB_LOAD_BYTES);
    out.gotoIf(EBPF.JNE, 0, 0, this.#fail);
  }

  #translate({ code, jt, jf, k }: Instruction, index: number): void {
    const out = this.#out;
    switch (code & 0x07) {
      case BPF.LD:
      case BPF.LDX:
        this.#load(code, k, index);
        break;
      case BPF.ST:
        out.emit(BPF.STX | BPF.MEM | BPF.W, FRAME, A, MEMORY + 4 * k);
        break;
      case BPF.STX:
        out.emit(BPF.STX | BPF.MEM | BPF.W, FRAME, X, MEMORY + 4 * k);
        break;
      case BPF.MISC:
        if (code & BPF.TXA) out.aluRegister(EBPF.MOV, A, X);
        else out.aluRegister(EBPF.MOV, X, A);
        break;
      case BPF.RET:
        this.#return(code, k);
        break;
      case BPF.JMP:
        this.#jump(code, k, index + 1, jt, jf);
        break;
      default:
        this.#calculate(code, k);
        break;
    }
  }

  #return(code: number, k: number): void {
    const out = this.#out;
    const isRegister = (code & BPF.A) !== 0;
    if (isRegister && this.#maps.hasCounters) out.gotoIf(BPF.JEQ, A, 0, this.#fail);
    if (isRegister || k !== 0) this.#maps.count(ACCEPTED);
    if (isRegister) out.aluRegister(EBPF.MOV, 0, A);
    else out.alu(EBPF.MOV, 0, k);
    out.exit();
  }

  #calculate(code: number, k: number): void {
    const operation = code & 0xf0;
    if (!(code & BPF.X)) {
      this.#out.alu(operation, A, operation === BPF.NEG ? 0 : k);
      return;
    }
    if (operation === BPF.DIV || operation === BPF.MOD) this.#out.gotoIf(BPF.JEQ, X, 0, this.#fail);
    this.#out.aluRegister(operation, A, X);
  }

  #jump(code: number, k: number, next: number, jt: number, jf: number): void {
    const test = code & 0xf0;
    const to = (distance: number) => this.#labels[next + distance] as Label;
    if (test === BPF.JA || jt === jf) {
      const distance = test === BPF.JA ? k : jt;
      if (distance !== 0) this.#out.goto(to(distance));
      return;
    }
    if (test === SET_TEST) {
      this.#maps.lookUpSet(k);
      if (jt === 0) {
        this.#out.gotoIfNull(BPF.JEQ, 0, to(jf));
      } else {
        this.#out.gotoIfNull(EBPF.JNE, 0, to(jt));
        if (jf !== 0) this.#out.goto(to(jf));
      }
      return;
    }
    const opposite = jt === 0 ? OPPOSITE[test] : undefined;
    const [kind, label] = opposite === undefined ? [test, to(jt)] : [opposite, to(jf)];
    if (code & BPF.X) this.#out.gotoIfRegister(kind, A, X, label);
    else this.#out.gotoIf(kind, A, k, label);
    if (opposite === undefined && jf !== 0) this.#out.goto(to(jf));
  }

  #load(code: number, k: number, index: number): void {
    const out = this.#out;
    const target = (code & 0x07) === BPF.LD ? A : X;
    switch (code & 0xe0) {
      case BPF.IMM:
        out.alu(EBPF.MOV, target, k);
        break;
      case BPF.MEM:
        out.load(BPF.W, target, FRAME, MEMORY + 4 * k);
        break;
      case BPF.LEN:
        out.load(BPF.W, target, CONTEXT, SkBuff.LEN);
        break;
      case BPF.IND:
        out.aluRegister(EBPF.MOV, 2, X);
        if (k !== 0) out.alu(BPF.ADD, 2, k);
        this.#single(A, sizeOf(code));
        break;
      case BPF.MSH:
        this.#fixed(code, k, X, index);
        out.alu(BPF.AND, X, 0xf);
        out.alu(BPF.LSH, X, 2);
        break;
      default:
        if (k >= SKF_AD_OFF) emitMetadata(out, k - SKF_AD_OFF, this.#fail);
        else this.#fixed(code, k, A, index);
    }
  }

  #fixed(code: number, k: number, target: number, index: number): void {
    const { offset, size } = fixedLoad(code, k) as { offset: number; size: 1 | 2 | 4 };
    if (offset >= SKF_LL_OFF) {
      throw new BpfleetError(
        'FILTER_UNSUPPORTED',
        `instruction ${index} loads relative to a header (SKF_NET_OFF, SKF_LL_OFF)`,
      );
    }
    if (this.#region !== undefined && offset + size <= this.#region.bytes) {
      const proven = this.#proven[index] as number;
      if (proven < offset + size) this.#out.gotoIf(EBPF.JLT, HAVE, offset + size, this.#fail);
      this.#fromStack([target, 0, 1], this.#region.base + offset, size);
      return;
    }
    this.#out.alu(EBPF.MOV, 2, offset);
    this.#single(target, size);
  }

  /** `size` bytes at the packet offset in r2. */
  #single(target: number, size: 1 | 2 | 4): void {
    this.#callLoad(SCRATCH, () => this.#out.alu(EBPF.MOV, 4, size));
    this.#fromStack([target, 0, 1], SCRATCH, size);
  }

  /** A big-endian number from the stack to the first register; misaligned ones in parts, by way of the others. */
  #fromStack(registers: readonly number[], at: number, size: 1 | 2 | 4): void {
    const out = this.#out;
    const [target, ...others] = registers as [number, ...number[]];
    if (at % size === 0) {
      out.load(WIDTH[size], target, FRAME, at);
      if (size !== 1) out.bigEndian(target, size === 2 ? 16 : 32);
      return;
    }
    const half = size === 4 ? 2 : 1;
    this.#fromStack(registers, at, half);
    out.alu(BPF.LSH, target, 8 * half);
    this.#fromStack(others, at + half, half);
    out.aluRegister(BPF.OR, target, others[0] as number);
  }
}
