import type { Instruction, Program } from '../instruction.js';
import { BPF } from '../opcodes.js';
import { type Line, readLines, refuse, type Word } from './lines.js';
import { ARITHMETIC, LOADS, TESTS } from './mnemonics.js';
import { IMPLIED_A, modeOf, type Operand, readOperand, toNumber } from './operands.js';

/**
 * Reads a program as people write it: the language of the kernel's bpf_asm (tools/bpf/bpf_asm.c; labels, `jeq #1, yes, no`,
 * `ldh [12]`, `ldxb 4*([14]&0xf)`, names of metadata) and the listing of `tcpdump -d` (instruction numbers behind jt and jf).
 * A branch with one label falls through to the next instruction otherwise. The result may still break the kernel's rules:
 * `checkProgram` says so.
 * @throws BpfleetError `PROGRAM_INVALID` with the place that cannot be read
 */
export function assemble(text: string): Program {
  const { lines, trailing } = readLines(text);
  const targets = new Map<string, number>();
  for (const [index, { labels }] of [...lines, { labels: trailing }].entries()) {
    for (const label of labels) {
      if (targets.has(label.text)) refuse(label, `the label "${label.text}" stands twice`);
      targets.set(label.text, index);
    }
  }
  return lines.map((line, index) => new LineReader(line, index, targets).read());
}

class LineReader {
  constructor(
    private readonly line: Line,
    private readonly index: number,
    private readonly targets: ReadonlyMap<string, number>,
  ) {}

  read(): Instruction {
    const name = this.line.operation.text.toLowerCase();
    const size = LOADS.get(name);
    if (size !== undefined) return this.#load(size);
    const arithmetic = ARITHMETIC.get(name);
    if (arithmetic !== undefined) return this.#calculate(arithmetic);
    const test = TESTS.get(name);
    if (test !== undefined) return this.#branch(...test);
    switch (name) {
      case 'ldi':
        return plain(BPF.LD | BPF.IMM, this.#constant());
      case 'ldxi':
        return plain(BPF.LDX | BPF.IMM, this.#constant());
      case 'ldx':
      case 'ldxb':
        return this.#loadX();
      case 'st':
      case 'stx':
        return plain(name === 'st' ? BPF.ST : BPF.STX, this.#memory());
      case 'ja':
      case 'jmp':
        return plain(BPF.JMP | BPF.JA, this.#skip(this.#only()));
      case 'ret':
        return this.#return();
      case 'neg':
      case 'tax':
      case 'txa':
        this.#none();
        return plain(name === 'neg' ? BPF.ALU | BPF.NEG : BPF.MISC | (name === 'tax' ? BPF.TAX : BPF.TXA), 0);
      case 'unimp':
        return this.#unknown();
      default:
        return refuse(this.line.operation, `there is no operation "${this.line.operation.text}"`);
    }
  }

  #load(size: number): Instruction {
    const word = this.#only();
    const operand = readOperand(word);
    const mode = modeOf(operand);
    const fitsAnySize = operand.kind === 'absolute' || operand.kind === 'indirect';
    if (mode === undefined || mode === BPF.MSH || (size !== (BPF.LD | BPF.W) && !fitsAnySize)) {
      return refuse(word, `${this.line.operation.text} cannot load "${word.text}"`);
    }
    return plain(size | mode, numberOf(operand));
  }

  #loadX(): Instruction {
    const word = this.#only();
    const operand = readOperand(word);
    // bpf_asm also takes `ldx 4*([14]&0xf)`: there is only the byte form.
    if (operand.kind === 'header-length') return plain(BPF.LDX | BPF.B | BPF.MSH, operand.k);
    const mode = modeOf(operand);
    const isKnown = mode === BPF.IMM || mode === BPF.MEM || mode === BPF.LEN;
    if (!isKnown || this.line.operation.text.toLowerCase() === 'ldxb') {
      return refuse(word, `${this.line.operation.text} cannot load "${word.text}"`);
    }
    return plain(BPF.LDX | BPF.W | mode, numberOf(operand));
  }

  #calculate(operation: number): Instruction {
    const word = this.#only();
    const operand = readOperand(word);
    if (operand.kind === 'x') return plain(BPF.ALU | operation | BPF.X, 0);
    if (operand.kind === 'constant') return plain(BPF.ALU | operation | BPF.K, operand.k);
    return refuse(word, `${this.line.operation.text} takes #number or x`);
  }

  #branch(test: number, isSwapped: boolean): Instruction {
    const { operands, listed, operation } = this.line;
    const [compared, first, second, extra] = operands;
    if (compared === undefined || extra !== undefined)
      return refuse(extra ?? operation, `${operation.text} takes #number or x, and one or two labels`);
    const operand = readOperand(compared);
    if (operand.kind !== 'x' && operand.kind !== 'constant')
      return refuse(compared, `${operation.text} compares with #number or x`);
    const source = operand.kind === 'x' ? BPF.X : BPF.K;
    const yes = listed?.jt ?? first;
    const no = listed?.jf ?? second;
    if (yes === undefined) return refuse(operation, `${operation.text} needs a label to jump to`);
    const skips = [this.#near(yes), no === undefined ? 0 : this.#near(no)] as const;
    const [jt, jf] = isSwapped ? [skips[1], skips[0]] : skips;
    return { code: BPF.JMP | test | source, jt, jf, k: numberOf(operand) };
  }

  #return(): Instruction {
    // libpcap's listing leaves the A of `ret a` out.
    const operand = this.line.operands.length === 0 ? IMPLIED_A : readOperand(this.#only());
    if (operand.kind === 'a') return plain(BPF.RET | BPF.A, 0);
    if (operand.kind === 'x') return plain(BPF.RET | BPF.X, 0);
    if (operand.kind === 'constant') return plain(BPF.RET | BPF.K, operand.k);
    return refuse(this.#only(), 'ret takes #number, a or x');
  }

  /** What a listing prints for an opcode it does not know; its operands are lost. */
  #unknown(): Instruction {
    const word = this.#only();
    return refuse(word, `the listing does not say what the unknown opcode ${word.text} works on`);
  }

  #constant(): number {
    const word = this.#only();
    const operand = readOperand(word);
    return operand.kind === 'constant' ? operand.k : refuse(word, `${this.line.operation.text} takes #number`);
  }

  #memory(): number {
    const word = this.#only();
    const operand = readOperand(word);
    return operand.kind === 'memory' ? operand.k : refuse(word, `${this.line.operation.text} takes M[word]`);
  }

  #only(): Word {
    const { operands, operation, listed } = this.line;
    const [operand, extra] = operands;
    const surplus = extra ?? listed?.jt;
    if (surplus) return refuse(surplus, `${operation.text} takes one operand`);
    return operand ?? refuse(operation, `${operation.text} needs an operand`);
  }

  #none(): void {
    const [surplus] = this.line.operands;
    // bpf_asm allows `tax x` and the like nowhere; neither do we.
    if (surplus) refuse(surplus, `${this.line.operation.text} takes no operand`);
  }

  /** How many instructions a jump to a label, or to a number of a listing, skips. May be "negative": 32 bits unsigned. */
  #skip(target: Word): number {
    const place = /^\d+$/.test(target.text) ? toNumber(target.text, target) : this.targets.get(target.text);
    if (place === undefined) return refuse(target, `there is no label "${target.text}"`);
    return (place - this.index - 1) >>> 0;
  }

  #near(target: Word): number {
    const skip = this.#skip(target);
    if (skip <= 255) return skip;
    return refuse(
      target,
      `"${target.text}" is ${skip >>> 31 ? 'behind' : 'too far ahead'}: a branch skips 0 to 255 instructions`,
    );
  }
}

function plain(code: number, k: number): Instruction {
  return { code, jt: 0, jf: 0, k };
}

function numberOf(operand: Operand): number {
  return 'k' in operand ? operand.k : 0;
}
