import { Ancillary, BPF, checkProgram, type Program, SKF_AD_OFF } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type IndexRange, inOrder, rangesOf } from './index-ranges.js';
import { assemble } from './v1/assemble.js';
import { type Label, Listing } from './v1/listing.js';

/** Interfaces on which the same program decides. */
export interface InterfaceBranch {
  /** Their indexes, as `[ifindex]` tells them. */
  readonly interfaces: readonly number[];
  readonly program: Program;
}

/** `PACKET_OUTGOING` of include/uapi/linux/if_packet.h. */
const PACKET_OUTGOING = 4;

/**
 * One program for a socket that is bound to no interface: each packet is judged by the program of the interface that it was seen
 * on, and refused on all others. The same input gives the same program, in whatever order branches and indexes come,
 * for ever: it belongs to linker version 1.
 * @param loopback the interface that shows each packet twice: going out it is refused
 * @throws BpfleetError `FILTER_TOO_LARGE` for more than the kernel takes, `REQUEST_INVALID` for an index that stands twice
 */
export function byInterface(branches: readonly InterfaceBranch[], loopback?: number): Program {
  const listing = new Listing();
  const refuse = listing.newLabel();
  const entries = inOrder(branches).map((branch) => ({ ...branch, label: listing.newLabel() }));
  const once = listing.newLabel();
  const ofLoopback = entries.find(({ interfaces }) => loopback !== undefined && interfaces.includes(loopback));
  const labelOf = (index: number, entry: Label): Label => (index === loopback ? once : entry);
  listing.plain(BPF.LD | BPF.W | BPF.ABS, SKF_AD_OFF + Ancillary.IFINDEX);
  const indexes = entries.flatMap(({ interfaces, label }) =>
    interfaces.map((index) => ({ index, place: labelOf(index, label) })),
  );
  choose(listing, rangesOf(indexes, refuse));
  if (ofLoopback !== undefined) {
    listing.place(once);
    listing.plain(BPF.LD | BPF.W | BPF.ABS, SKF_AD_OFF + Ancillary.PKTTYPE);
    listing.branch(BPF.JEQ, PACKET_OUTGOING, refuse, ofLoopback.label);
  }
  for (const { label, program } of entries) {
    listing.relay(refuse);
    listing.place(label);
    // As every program begins; X and M[] have not been touched.
    listing.plain(BPF.LD | BPF.IMM, 0);
    // Its jumps are distances within it, and nothing is put in between.
    for (const instruction of program) listing.lines.push({ kind: 'plain', instruction });
  }
  listing.place(refuse);
  listing.plain(BPF.RET | BPF.K, 0);
  return checked(assemble(listing.lines), branches.length);
}

/** A search by halves. */
function choose(listing: Listing, ranges: readonly IndexRange<Label>[]): void {
  const middle = ranges.length >> 1;
  if (middle === 0) {
    listing.go(ranges[0]!.place);
    return;
  }
  const [below, above] = [listing.newLabel(), listing.newLabel()];
  listing.branch(BPF.JGE, ranges[middle]!.from, above, below);
  listing.place(below);
  choose(listing, ranges.slice(0, middle));
  listing.place(above);
  choose(listing, ranges.slice(middle));
}

function checked(program: Program, count: number): Program {
  const fault = checkProgram(program);
  if (fault === undefined) return program;
  const message = `the programs of ${count} kinds of interfaces are too large together: ${fault.message}`;
  throw new BpfleetError('FILTER_TOO_LARGE', message, {
    hint: 'run fewer filters, or the same ones on more interfaces',
  });
}
