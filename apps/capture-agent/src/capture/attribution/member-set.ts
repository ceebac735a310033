import type { AttributedMember } from './attributed-member.js';

/**
 * The members that keep a packet. A node of a tree whose edges are member numbers in ascending order: going down from the
 * root names the set without allocating anything once it has been met.
 */
export class MemberSet {
  /** Its interface blocks in the open section: for packets that came in (or both ways), and for those that went out. */
  inId = -1;
  outId = -1;
  /** Those blocks, encoded once: they are the same in every section. */
  inBlock: Uint8Array | undefined;
  outBlock: Uint8Array | undefined;
  /** A packet keeps so many bytes: the most that one of the members wants. */
  readonly snaplenBytes: number;
  readonly #children: (MemberSet | undefined)[] = [];

  private constructor(readonly members: readonly AttributedMember[]) {
    this.snaplenBytes = Math.max(0, ...members.map((member) => member.keptSnaplenBytes));
  }

  static none(): MemberSet {
    return new MemberSet([]);
  }

  get isEmpty(): boolean {
    return this.members.length === 0;
  }

  /** This set and one more, whose number is higher than all that are in it. */
  with(member: AttributedMember): MemberSet {
    const known = this.#children[member.number];
    if (known !== undefined) return known;
    const set = new MemberSet([...this.members, member]);
    // Holes would make the array slow for V8.
    while (this.#children.length < member.number) this.#children.push(undefined);
    this.#children[member.number] = set;
    return set;
  }

  /** `web@3,dns@1` */
  get versions(): readonly string[] {
    return this.members.map(({ version }) => version);
  }
}
