import { BPF, type Instruction, jump, type Program, statement } from '@bpfleet/bpf';
import type { Label, Line } from './listing.js';

/** `jt` and `jf` are one byte. */
const MAX_BRANCH = 255;
/**
 * A `ja` farther than this goes by way of another `ja`. Once converted an instruction is up to 19 of eBPF, whose jumps
 * have 16 bits with a sign (`bpf_convert_filter`), and 1,600 of them still fit.
 */
const MAX_GO = 1600;

/** Turns labels into distances. Every jump leads ahead; the lines' last instruction is a return. */
export function assemble(lines: readonly Line[]): Program {
  const assembly = new Assembly();
  for (const line of lines.toReversed()) assembly.putInFront(line);
  return assembly.finish();
}

/**
 * Built from the end, so that a jump's target has its place before the jump: a position counts the instructions behind.
 * A target out of reach of a conditional jump gets a stub, a `ja` right behind that jump, which later ones use again.
 */
class Assembly {
  readonly #backwards: Instruction[] = [];
  readonly #targets = new Map<Label, number>();
  /** The newest place from which a label is reached: itself or a `ja`. */
  readonly #nearest = new Map<Label, number>();

  putInFront(line: Line): void {
    switch (line.kind) {
      case 'label':
        this.#targets.set(line.label, this.#backwards.length - 1);
        this.#nearest.set(line.label, this.#backwards.length - 1);
        break;
      case 'plain':
        this.#backwards.push(line.instruction);
        break;
      case 'branch':
        this.#branch(line.code, line.k, line.yes, line.no);
        break;
      case 'go':
        this.#go(line.to);
        break;
      case 'relay':
        if (this.#skip(line.to) > MAX_GO / 2) this.#stub(line.to);
        break;
    }
  }

  finish(): Program {
    return this.#backwards.toReversed();
  }

  #branch(code: number, k: number, yes: Label, no: Label): void {
    if (yes === no) {
      this.#go(yes);
      return;
    }
    if (this.#skip(no) > MAX_BRANCH) this.#stub(no);
    if (this.#skip(yes) > MAX_BRANCH) {
      this.#stub(yes);
      // That moved `no` one farther away.
      if (this.#skip(no) > MAX_BRANCH) this.#stub(no);
    }
    this.#backwards.push(jump(code, k, this.#skip(yes), this.#skip(no)));
  }

  /** Nothing at all where the label comes next. */
  #go(to: Label): void {
    if (this.#skip(to) > 0) this.#stub(to);
  }

  #stub(to: Label): void {
    const farthest = this.#backwards.length - 1 - placeOf(this.#targets, to);
    this.#backwards.push(statement(BPF.JMP | BPF.JA, farthest > MAX_GO ? this.#skip(to) : farthest));
    this.#nearest.set(to, this.#backwards.length - 1);
  }

  #skip(to: Label): number {
    return this.#backwards.length - 1 - placeOf(this.#nearest, to);
  }
}

function placeOf(places: ReadonlyMap<Label, number>, label: Label): number {
  const place = places.get(label);
  if (place === undefined) throw new RangeError(`label ${label} is not placed behind the jump to it`);
  return place;
}
