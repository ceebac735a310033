import { BPF } from '@bpfleet/bpf';
import { type Facts, narrowed, withLength } from './facts.js';
import type { Label, Listing } from './listing.js';
import { ANY, calculated, constant, LENGTH, tested, type Value } from './value.js';

/**
 * The tests that stand in front of what would end a classic program with "no". They need no word of M[], so that they
 * fit into members which use all sixteen.
 */

/** Where tests are written, and where they lead when a packet fails them. */
export interface Way {
  readonly listing: Listing;
  /** The place to go to with what is known there. */
  readonly fail: (facts: Facts) => Label;
}

/** What holds behind a guard; undefined when no packet passes it. */
export type Guarded = Facts | undefined;

/** The packet has at least so many bytes. A is overwritten. */
export function guardLength(facts: Facts, bytes: number, { listing, fail }: Way): Guarded {
  if (facts.length.least >= bytes) return facts;
  if (facts.length.most < bytes) {
    listing.go(fail(facts));
    return undefined;
  }
  const measured = loadLength(facts, listing);
  const ok = listing.newLabel();
  listing.branch(BPF.JGE, bytes, ok, fail(narrowed(measured, tested(BPF.JGE, measured.a, bytes, false))));
  listing.place(ok);
  return withLength(measured, bytes);
}

/** The same where A is needed: X holds it meanwhile, which the load that follows overwrites. */
export function guardLengthKeepingA(facts: Facts, bytes: number, way: Way): Guarded {
  if (facts.length.least >= bytes || facts.length.most < bytes) return guardLength(facts, bytes, way);
  way.listing.plain(BPF.MISC | BPF.TAX);
  const passed = guardLength({ ...facts, x: facts.a }, bytes, way);
  way.listing.plain(BPF.MISC | BPF.TXA);
  return passed && { ...passed, a: passed.x };
}

/** Where an indirect load may follow: with this k instead of its own. */
export interface Reachable {
  readonly facts: Facts;
  readonly k: number;
}

/**
 * [x + k], added modulo 2^32 as the kernel adds, and `size` bytes from there are inside the packet; a sum of 2^31 or more is
 * outside, since no packet is that long. A is overwritten, X is kept where `keepsX`.
 */
export function guardIndirect(facts: Facts, k: number, size: number, keepsX: boolean, way: Way): Reachable | undefined {
  const { least, most } = facts.x;
  if (most + k > 0xffff_ffff) return guardWrapping(facts, k, size, keepsX, way);
  if (most + k + size <= facts.length.least) return { facts, k };
  const passed = guardLength(facts, least + k + size, way);
  return passed && { facts: guardDistance(passed, k + size, way), k };
}

/** X + k becomes X, and is compared with the length minus the size. */
function guardWrapping(facts: Facts, k: number, size: number, keepsX: boolean, way: Way): Reachable | undefined {
  const { listing } = way;
  const sum: Value = calculated(BPF.ADD, facts.x, constant(k));
  listing.plain(BPF.MISC | BPF.TXA);
  listing.plain(BPF.ALU | BPF.ADD | BPF.K, k);
  listing.plain(BPF.MISC | BPF.TAX);
  const passed = guardLength({ ...facts, a: sum, x: sum }, size, way);
  if (passed === undefined) return undefined;
  const inside = guardDistance(passed, size, way);
  if (!keepsX) return { facts: inside, k: 0 };
  listing.plain(BPF.MISC | BPF.TXA);
  listing.plain(BPF.ALU | BPF.SUB | BPF.K, k);
  listing.plain(BPF.MISC | BPF.TAX);
  return { facts: { ...inside, a: facts.x, x: facts.x }, k };
}

/** X ≤ length - `bytes`, for a length known not to be less than `bytes`. */
function guardDistance(facts: Facts, bytes: number, { listing, fail }: Way): Facts {
  const measured = loadLength(facts, listing);
  listing.plain(BPF.ALU | BPF.SUB | BPF.K, bytes);
  const rest = { ...measured, a: calculated(BPF.SUB, measured.length, constant(bytes)) };
  const ok = listing.newLabel();
  listing.branch(BPF.JGE | BPF.X, 0, ok, fail(rest));
  listing.place(ok);
  return withLength(rest, bytes + rest.x.least);
}

/**
 * X is not 0. A and X are both needed by the division, and there may be no free word: X is 0 when it has no bit in common with
 * A nor with A's complement, and the complement of the complement is A.
 */
export function guardDivision(facts: Facts, { listing, fail }: Way): Guarded {
  if (facts.x.least > 0) return facts;
  const isZero = { ...facts, a: ANY, x: constant(0) };
  if (facts.x.most === 0) {
    listing.go(fail(isZero));
    return undefined;
  }
  const [second, restore, divide] = [listing.newLabel(), listing.newLabel(), listing.newLabel()];
  listing.branch(BPF.JSET | BPF.X, 0, divide, second);
  listing.place(second);
  listing.plain(BPF.ALU | BPF.XOR | BPF.K, 0xffff_ffff);
  listing.branch(BPF.JSET | BPF.X, 0, restore, fail(isZero));
  listing.place(restore);
  listing.plain(BPF.ALU | BPF.XOR | BPF.K, 0xffff_ffff);
  listing.place(divide);
  return { ...facts, x: { ...facts.x, least: 1 } };
}

/** Puts the packet's length into A, unless it is there. */
function loadLength(facts: Facts, listing: Listing): Facts {
  if (facts.a.name === LENGTH) return facts;
  listing.plain(BPF.LD | BPF.W | BPF.LEN);
  return { ...facts, a: facts.length };
}
