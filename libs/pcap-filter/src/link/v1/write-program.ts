import { BPF, type Program } from '@bpfleet/bpf';
import { exclude, type Facts, joinFacts, START } from './facts.js';
import { type Label, type Line, Listing } from './listing.js';
import { type Written, writeMember } from './write-member.js';

/** A member, or the test for own traffic, which refuses where a member accepts. */
export interface Part {
  readonly program: Program;
  readonly isOwnTraffic: boolean;
  /** What was found out about the program by itself. */
  readonly alone: Written;
}

export interface WrittenProgram {
  readonly lines: readonly Line[];
  /** The shared words that stood in for loads, once for each load. */
  readonly sharedReads: readonly number[];
}

/** Writes the parts one behind the other, then the two returns. */
export function writeProgram(
  parts: readonly Part[],
  acceptBytes: number,
  shared: ReadonlyMap<string, number>,
): WrittenProgram {
  const listing = new Listing();
  const accept = listing.newLabel();
  const chain = new Chain(parts, listing);
  const sharedReads: number[] = [];
  chain.enter(0, START);
  for (const [index, { program, isOwnTraffic }] of parts.entries()) {
    const entry = chain.entries[index];
    // Nothing gets past a member that accepts everything.
    if (entry === undefined) continue;
    listing.place(chain.labels[index] as Label);
    const written: Written = writeMember(program, entry, {
      listing,
      accept: isOwnTraffic ? chain.reject : accept,
      fail: (facts) => chain.enter(index + 1, facts),
      shared,
    });
    sharedReads.push(...written.sharedReads);
    for (const end of [accept, chain.reject]) listing.relay(end);
  }
  writeEnds(listing, accept, chain.reject, acceptBytes);
  return { lines: listing.lines, sharedReads };
}

function writeEnds(listing: Listing, accept: Label, reject: Label, acceptBytes: number): void {
  listing.place(reject);
  listing.plain(BPF.RET | BPF.K, 0);
  listing.place(accept);
  listing.plain(BPF.RET | BPF.K, acceptBytes);
}

/** Where a packet goes that a part said no to: to the next part that may accept it, at last to `reject`. */
class Chain {
  readonly labels: readonly Label[];
  readonly reject: Label;
  /** What is known where each part is entered; undefined where nothing leads. */
  readonly entries: (Facts | undefined)[];

  constructor(
    private readonly parts: readonly Part[],
    listing: Listing,
  ) {
    this.labels = parts.map(() => listing.newLabel());
    this.reject = listing.newLabel();
    this.entries = parts.map(() => undefined);
  }

  /** The label of the first part from `index` on that can accept any of the packets that have these facts. */
  enter(index: number, facts: Facts): Label {
    for (let next = index; next < this.parts.length; next++) {
      const { onAccept } = (this.parts[next] as Part).alone;
      if (onAccept === undefined || exclude(facts, onAccept)) continue;
      const others = this.entries[next];
      this.entries[next] = others === undefined ? facts : joinFacts(others, facts);
      return this.labels[next] as Label;
    }
    return this.reject;
  }
}
