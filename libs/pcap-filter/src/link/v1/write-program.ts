import { BPF, type Program } from '@bpfleet/bpf';
import { exclude, type Facts, START } from './facts.js';
import { type Label, type Line, Listing } from './listing.js';
import { Places } from './places.js';
import { entryOf } from './skip-decided.js';
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
  const chain = new Chain(parts, listing);
  const sharedReads: number[] = [];
  listing.go(chain.enter(0, START));
  for (const [index, { program, isOwnTraffic }] of parts.entries()) {
    const { sharedReads: reads } = writeMember(program, chain.places[index] as Places, {
      listing,
      accept: isOwnTraffic ? chain.reject : chain.accept,
      fail: (facts) => chain.enter(index + 1, facts),
      shared,
    });
    sharedReads.push(...reads);
    for (const end of [chain.accept, chain.reject]) listing.relay(end);
  }
  writeEnds(listing, chain, acceptBytes);
  return { lines: listing.lines, sharedReads };
}

function writeEnds(listing: Listing, { accept, reject }: Chain, acceptBytes: number): void {
  listing.place(reject);
  listing.plain(BPF.RET | BPF.K, 0);
  listing.place(accept);
  listing.plain(BPF.RET | BPF.K, acceptBytes);
}

/** Where a packet goes that a part said no to: to what is open in the next part that may accept it, at last to `reject`. */
class Chain {
  readonly accept: Label;
  readonly reject: Label;
  readonly places: readonly Places[];

  constructor(
    private readonly parts: readonly Part[],
    listing: Listing,
  ) {
    this.accept = listing.newLabel();
    this.reject = listing.newLabel();
    this.places = parts.map(({ program }) => new Places(program, listing));
  }

  /** The label to go to with these facts, from part `index` on. */
  enter(index: number, facts: Facts): Label {
    for (let next = index; next < this.parts.length; next++) {
      const { program, alone, isOwnTraffic } = this.parts[next] as Part;
      if (alone.onAccept === undefined || exclude(facts, alone.onAccept)) continue;
      const places = this.places[next] as Places;
      const entry = entryOf(program, places.live, facts);
      if (entry.kind === 'at') return places.enter(entry.pc, facts);
      if (entry.kind === 'accept') return isOwnTraffic ? this.reject : this.accept;
    }
    return this.reject;
  }
}
