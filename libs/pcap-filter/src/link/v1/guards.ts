import { BPF } from '@bpfleet/bpf';
import { type Facts, narrowed, withLength } from './facts.js';
import type { Label, Listing } from './listing.js';
import { ANY, calculated, constant, LENGTH, tested, type Value } from './value.js';

/**
 * The tests that stand in front of what would end a classic program with "no". They need no word of M[], so that they
 * fit into members which use all sixteen.
 */

/** Where tests are written, and where they lead when the packet fails them. */
export interface Way {
  readonly listing: Listing;
  readonly fail: Label;
}

export interface Guarded<After> {
  /** What holds where the packet passed; undefined when none can. */
  readonly after: After | undefined;
  /** What is known on each way that leads to `fail`. */
  readonly onFail: readonly Facts[];
}

/** The packet has at least so many bytes. A is overwritten. */
export function guardLength(facts: Facts, bytes: number, { listing, fail }: Way): Guarded<Facts> {
  if (facts.length.least >= bytes) return { after: facts, onFail: [] };
  if (facts.length.most < bytes) {
    listing.go(fail);
    return { after: undefined, onFail: [facts] };
  }
  const measured = loadLength(facts, listing);
  const ok = listing.newLabel();
  listing.branch(BPF.JGE, bytes, ok, fail);
  listing.place(ok);
  const onFail = [narrowed(measured, tested(BPF.JGE, measured.a, bytes, false))];
  return { after: withLength(measured, bytes), onFail };
}

/** The same where A is needed: X holds it meanwhile, which the load that follows overwrites. */
export function guardLengthKeepingA(facts: Facts, bytes: number, way: Way): Guarded<Facts> {
  if (facts.length.least >= bytes || facts.length.most < bytes) return guardLength(facts, bytes, way);
  way.listing.plain(BPF.MISC | BPF.TAX);
  const { after, onFail } = guardLength({ ...facts, x: facts.a }, bytes, way);
  way.listing.plain(BPF.MISC | BPF.TXA);
  return { after: after && { ...after, a: after.x }, onFail };
}

/**
 * [x + k], added modulo 2^32 as the kernel adds, and `size` bytes from there are inside the packet; a sum of 2^31 or more is
 * outside, since no packet is that long. A is overwritten, X is kept where `keepsX`. The load that follows uses the answered k.
 */
export function guardIndirect(
  facts: Facts,
  k: number,
  size: number,
  keepsX: boolean,
  way: Way,
): Guarded<{ readonly facts: Facts; readonly k: number }> {
  const { least, most } = facts.x;
  if (most + k > 0xffff_ffff) return guardWrapping(facts, k, size, keepsX, way);
  if (most + k + size <= facts.length.least) return { after: { facts, k }, onFail: [] };
  const { after, onFail } = guardLength(facts, least + k + size, way);
  if (after === undefined) return { after, onFail };
  const within = guardDistance(after, k + size, way);
  return { after: { facts: within.after, k }, onFail: [...onFail, within.onFail] };
}

/** X + k becomes X, and is compared with the length minus the size. */
function guardWrapping(
  facts: Facts,
  k: number,
  size: number,
  keepsX: boolean,
  way: Way,
): Guarded<{ readonly facts: Facts; readonly k: number }> {
  const { listing } = way;
  const sum: Value = calculated(BPF.ADD, facts.x, constant(k));
  listing.plain(BPF.MISC | BPF.TXA);
  listing.plain(BPF.ALU | BPF.ADD | BPF.K, k);
  listing.plain(BPF.MISC | BPF.TAX);
  const { after, onFail } = guardLength({ ...facts, a: sum, x: sum }, size, way);
  if (after === undefined) return { after, onFail };
  const within = guardDistance(after, size, way);
  const ways = [...onFail, within.onFail];
  if (!keepsX) return { after: { facts: within.after, k: 0 }, onFail: ways };
  listing.plain(BPF.MISC | BPF.TXA);
  listing.plain(BPF.ALU | BPF.SUB | BPF.K, k);
  listing.plain(BPF.MISC | BPF.TAX);
  return { after: { facts: { ...within.after, a: facts.x, x: facts.x }, k }, onFail: ways };
}

/** X ≤ length - `bytes`, for a length known not to be less than `bytes`. */
function guardDistance(facts: Facts, bytes: number, { listing, fail }: Way): { after: Facts; onFail: Facts } {
  const measured = loadLength(facts, listing);
  listing.plain(BPF.ALU | BPF.SUB | BPF.K, bytes);
  const rest = { ...measured, a: calculated(BPF.SUB, measured.length, constant(bytes)) };
  const ok = listing.newLabel();
  listing.branch(BPF.JGE | BPF.X, 0, ok, fail);
  listing.place(ok);
  return { after: withLength(rest, bytes + rest.x.least), onFail: rest };
}

/**
 * X is not 0. A and X are both needed by the division, and there may be no free word: X is 0 when it has no bit in common with
 * A nor with A's complement, and the complement of the complement is A.
 */
export function guardDivision(facts: Facts, { listing, fail }: Way): Guarded<Facts> {
  if (facts.x.least > 0) return { after: facts, onFail: [] };
  if (facts.x.most === 0) {
    listing.go(fail);
    return { after: undefined, onFail: [facts] };
  }
  const [second, restore, divide] = [listing.newLabel(), listing.newLabel(), listing.newLabel()];
  listing.branch(BPF.JSET | BPF.X, 0, divide, second);
  listing.place(second);
  listing.plain(BPF.ALU | BPF.XOR | BPF.K, 0xffff_ffff);
  listing.branch(BPF.JSET | BPF.X, 0, restore, fail);
  listing.place(restore);
  listing.plain(BPF.ALU | BPF.XOR | BPF.K, 0xffff_ffff);
  listing.place(divide);
  const isZero = { ...facts, a: ANY, x: constant(0) };
  return { after: { ...facts, x: { ...facts.x, least: 1 } }, onFail: [isZero] };
}

/** Puts the packet's length into A, unless it is there. */
function loadLength(facts: Facts, listing: Listing): Facts {
  if (facts.a.name === LENGTH) return facts;
  listing.plain(BPF.LD | BPF.W | BPF.LEN);
  return { ...facts, a: facts.length };
}
