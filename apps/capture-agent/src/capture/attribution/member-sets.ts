import type { AttributedMember } from './attributed-member.js';
import { MemberSet } from './member-set.js';

/** Of all sets that are remembered, with their blocks. Whoever sends packets chooses which filters match together. */
export const MOST_REMEMBERED_BYTES = 16 * 1024 * 1024;
/** What a set takes, about: the object and its arrays, its share of the table. */
const SET_BYTES = 288;
const MEMBER_BYTES = 16;
/** A power of two. */
const BUCKETS = 4096;

/**
 * The sets that packets were of, for all attributions of a thread: one that was met is found again without allocating anything.
 * When they take too much, all are forgotten, and those that come again are made again.
 */
export class MemberSets {
  /** Filled with the first set: most of what may have a table never needs it. */
  #buckets: (MemberSet | undefined)[] = [];
  #bytes = 0;
  /** Another one after each `forget`: sets of the one before are not to be used any more. */
  generation = 0;
  readonly #grew = (bytes: number): void => this.#take(bytes);
  /** Who cannot know it cannot choose sets that share a bucket. */
  readonly #seed = Math.trunc(Math.random() * 0x1_0000_0000) | 0;

  constructor(private readonly mostBytes = MOST_REMEMBERED_BYTES) {}

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param salt another one for each list of members
   * @param numbers ascending, into `members`
   */
  find(members: readonly AttributedMember[], salt: number, numbers: Int32Array, count: number): MemberSet {
    let hash = this.#seed ^ salt;
    for (let index = 0; index < count; index++) {
      hash = Math.imul(hash ^ numbers[index]!, 0x9e37_79b1);
      hash ^= hash >>> 15;
    }
    let known = this.#buckets[hash & (BUCKETS - 1)];
    while (known !== undefined) {
      if (known.hash === hash && known.isOf(members, numbers, count)) return known;
      known = known.next;
    }
    return this.#made(members, numbers.subarray(0, count), hash);
  }

  /** What sets know of their members is not so any more; or they take too much. */
  forget(): void {
    if (this.#bytes === 0) return;
    this.generation++;
    this.#buckets = [];
    this.#bytes = 0;
  }

  #made(members: readonly AttributedMember[], numbers: Int32Array, hash: number): MemberSet {
    this.#take(SET_BYTES + MEMBER_BYTES * numbers.length);
    const set = new MemberSet(
      Array.from(numbers, (number) => members[number]!),
      this.#grew,
    );
    if (this.#buckets.length === 0) this.#buckets = new Array<MemberSet | undefined>(BUCKETS).fill(undefined);
    const bucket = hash & (BUCKETS - 1);
    set.hash = hash;
    set.next = this.#buckets[bucket];
    this.#buckets[bucket] = set;
    return set;
  }

  #take(bytes: number): void {
    if (this.#bytes + bytes > this.mostBytes) this.forget();
    this.#bytes += bytes;
  }
}
