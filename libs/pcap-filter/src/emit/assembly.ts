import { BPF, type Instruction, type Program, statement } from '@bpfleet/bpf';
import type { Target } from '../optimise/graph.js';

/** `jt` and `jf` are one byte. */
const MAX_BRANCH = 255;

/**
 * A program put together from its end, so that every jump's target has its place before the jump.
 * Positions count instructions from the end: a thing at position p has p instructions behind it.
 */
export class Assembly {
  readonly #backwards: Instruction[] = [];
  /** The position of each target. */
  readonly #targets = new Map<Target, number>();
  /** The newest position from which a target can be reached: itself, or a `ja` put there for the purpose. */
  readonly #stubs = new Map<Target, number>();

  /** Puts instructions in front, and says that `target` begins there. */
  place(target: Target, instructions: readonly Instruction[]): void {
    for (let index = instructions.length - 1; index >= 0; index--) {
      const instruction = instructions[index];
      if (instruction !== undefined) this.#backwards.push(instruction);
    }
    this.#targets.set(target, this.#backwards.length - 1);
    this.#stubs.set(target, this.#backwards.length - 1);
  }

  /**
   * Puts a conditional jump in front. A target more than 255 instructions on gets a stub behind the jump, a
   * `ja` to it; jumps from further ahead use that stub again while they reach it.
   * @param condition the jump, whose distances are not known before
   */
  branch(yes: Target, no: Target, { code, k }: Instruction): void {
    if (yes === no) {
      this.goOn(yes);
      return;
    }
    if (this.#skip(no) > MAX_BRANCH) this.#addStub(no);
    if (this.#skip(yes) > MAX_BRANCH) {
      this.#addStub(yes);
      // That moved `no` one further away.
      if (this.#skip(no) > MAX_BRANCH) this.#addStub(no);
    }
    this.#backwards.push({ code, jt: this.#skip(yes), jf: this.#skip(no), k });
  }

  /** Goes to the target whatever stands in the registers: no jump is needed where it comes next. */
  goOn(target: Target): void {
    if (this.#skip(target) > 0) this.#addStub(target);
  }

  finish(): Program {
    return this.#backwards.toReversed();
  }

  /** How many instructions a jump put in front now would skip on its way to the target's nearest stub. */
  #skip(target: Target): number {
    return this.#backwards.length - 1 - placed(this.#stubs, target);
  }

  /**
   * Always a `ja`, also to a return: it is cheaper once converted, and the kernel's check of M[] reads on behind a `ret` as
   * if it went on there (`check_load_and_stores`), so a shared return in the middle would have to store what follows it.
   */
  #addStub(target: Target): void {
    const skip = this.#backwards.length - 1 - placed(this.#targets, target);
    this.#backwards.push(statement(BPF.JMP | BPF.JA, skip));
    this.#stubs.set(target, this.#backwards.length - 1);
  }
}

function placed(positions: ReadonlyMap<Target, number>, target: Target): number {
  const position = positions.get(target);
  if (position === undefined) throw new RangeError(`a jump leads back, to node ${target}`);
  return position;
}
