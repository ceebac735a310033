import type { Span } from '@bpfleet/errors';
import { tooLargeFault } from '../fault.js';
import type { Meaning } from '../resolve/meaning.js';

/** What is over a limit is counted on, to say by how much; up to so many times the limit, so that no input takes long. */
const COUNTED_TIMES = 2;

const LISTS = 'write lists of values in place of single terms: host in {…} and port in {…}';

/** How much of something a filter may need, whatever the target. */
export class Limit {
  #count = 0;
  /** The term with which it was too much. */
  #at: { readonly span: Span | undefined } | undefined;

  constructor(
    private readonly most: number,
    private readonly what: string,
  ) {}

  get count(): number {
    return this.#count;
  }

  get isOver(): boolean {
    return this.#at !== undefined;
  }

  /** @throws BpfleetError `FILTER_TOO_LARGE` when it is not worth counting on */
  add(more: number, { span }: Meaning): void {
    this.#count += more;
    if (this.#count > this.most) this.#at ??= { span };
    if (this.#count > COUNTED_TIMES * this.most) this.#refuse('more than ', COUNTED_TIMES * this.most);
  }

  /** @throws BpfleetError `FILTER_TOO_LARGE` where it is too much, with the term from which on it is */
  check(): void {
    if (this.isOver) this.#refuse('', this.#count);
  }

  #refuse(atLeast: string, count: number): never {
    const parts = Math.ceil(this.#count / this.most);
    const over = count - this.most;
    throw tooLargeFault(
      `the filter needs ${atLeast}${count} ${this.what}; no target has room for more than ${this.most}, ${atLeast}${over} fewer`,
      `split the filter into ${parts} or more, or ${LISTS}`,
      this.#at?.span,
    );
  }
}
