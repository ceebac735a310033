import { ArrivingRows } from '../copy/arriving-rows.js';
import type { FoundSection } from './pass-query.js';
import type { StoredSection } from './stored-section.js';

/** Few at first, because the newest sections mostly answer; then more, because a scan wants few round trips. */
const STEP_SECTIONS = [8, 16, 16, 32] as const;
const mostOf = (step: number): number => STEP_SECTIONS[Math.min(step, STEP_SECTIONS.length - 1)]!;
/** In the steps before a scan the next one is asked for when so few sections wait: evaluating them takes as long as asking. */
const FEW_WAITING = 4;
/** Of bodies of one step; a reader holds two. Short-lived, so that they are gone before they count as old garbage. */
export const STEP_BYTES = 2 * 1024 * 1024;

/** At most so many sections at once, as they arrive. */
export class Step {
  readonly sections: ArrivingRows<StoredSection>;
  #bytes = 0;

  /** @param bring tells each section as it arrives, and resolves behind the last */
  constructor(
    private readonly most: number,
    bring: (tell: (section: StoredSection) => void) => Promise<void>,
  ) {
    this.sections = new ArrivingRows((add) =>
      bring((section) => {
        this.#bytes += section.body.byteLength;
        add(section);
      }),
    );
  }

  /** No more come, and there may be a next step. */
  get isFull(): boolean {
    return this.sections.count >= this.most || this.#bytes >= STEP_BYTES;
  }

  /** The next step is asked for when no more than these are left to evaluate. */
  get mostWaiting(): number {
    return this.most < STEP_SECTIONS.at(-1)! ? FEW_WAITING : Number.POSITIVE_INFINITY;
  }
}

/** What follows what; undefined behind the last. Of one that is full the next may be asked for before it was used up. */
export interface Steps {
  next(): Step | undefined;
}

/** Each begins behind the one before, until one is not full. */
export class StepsInTime implements Steps {
  #count = 0;
  #current: Step | undefined;
  #last: StoredSection | undefined;

  /** @param read at most `most` of those behind a section */
  constructor(private readonly read: (most: number, behind: StoredSection | undefined) => Step) {}

  /** Of the step that was asked for last, or the one before where that is empty. */
  get last(): StoredSection | undefined {
    return this.#last;
  }

  next(): Step | undefined {
    this.#last = this.#current?.sections.last ?? this.#last;
    if (this.#current && !this.#current.isFull) return undefined;
    this.#current = this.read(mostOf(this.#count++), this.#last);
    return this.#current;
  }
}

/** Of sections that are known by their names. */
export class StepsOfNames implements Steps {
  #count = 0;
  #taken = 0;

  constructor(
    private readonly names: readonly FoundSection[],
    private readonly read: (names: readonly FoundSection[]) => Step,
  ) {}

  next(): Step | undefined {
    const most = mostOf(this.#count++);
    const names: FoundSection[] = [];
    for (let bytes = 0; names.length < most && bytes < STEP_BYTES; this.#taken++) {
      const name = this.names[this.#taken];
      if (!name) break;
      names.push(name);
      bytes += name.bytes;
    }
    return names.length > 0 ? this.read(names) : undefined;
  }
}
