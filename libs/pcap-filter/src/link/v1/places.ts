import type { Program } from '@bpfleet/bpf';
import { type Facts, joinFacts } from './facts.js';
import type { Label, Listing } from './listing.js';
import { type Live, liveRegisters } from './liveness.js';

/** The instructions of a member as places that jumps lead to, each with what is known on all ways there. */
export class Places {
  readonly live: readonly Live[];
  /** Where the member is entered as a program: A and X are cleared there. */
  readonly start: Label;
  #atStart: Facts | undefined;
  readonly #labels: readonly Label[];
  readonly #facts: (Facts | undefined)[];

  constructor(program: Program, listing: Listing) {
    this.live = liveRegisters(program);
    this.start = listing.newLabel();
    this.#labels = program.map(() => listing.newLabel());
    this.#facts = program.map(() => undefined);
  }

  get atStart(): Facts | undefined {
    return this.#atStart;
  }

  /** Undefined where nothing leads. */
  factsAt(pc: number): Facts | undefined {
    return this.#facts[pc];
  }

  labelAt(pc: number): Label {
    return this.#labels[pc] as Label;
  }

  /** From another member: the label to jump to. */
  enter(pc: number, facts: Facts): Label {
    if (pc > 0) return this.arrive(pc, facts);
    this.#atStart = joined(this.#atStart, facts);
    return this.start;
  }

  /** From within the member. */
  arrive(pc: number, facts: Facts): Label {
    this.#facts[pc] = joined(this.#facts[pc], facts);
    return this.labelAt(pc);
  }
}

function joined(one: Facts | undefined, other: Facts): Facts {
  return one === undefined ? other : joinFacts(one, other);
}
