import type { AttributedMember } from './attributed-member.js';

/** The members that keep a packet. */
export class MemberSet {
  /** Of `MemberSets`: where it stands there, and the one behind it. */
  hash = 0;
  next: MemberSet | undefined;
  /** Its interface blocks in the open section: for packets that came in (or both ways), and for those that went out. */
  inId = -1;
  outId = -1;
  /** Those blocks, encoded once: they are the same in every section. */
  #inBlock: Uint8Array | undefined;
  #outBlock: Uint8Array | undefined;
  /** A packet keeps so many bytes: the most that one of the members wants. */
  readonly snaplenBytes: number;
  /** `web@3,dns@1` */
  readonly versions: readonly string[];

  constructor(
    readonly members: readonly AttributedMember[],
    /** It takes so many bytes more from here on. */
    private readonly grew: (bytes: number) => void,
  ) {
    this.versions = members.map(({ version }) => version);
    this.snaplenBytes = Math.max(0, ...members.map((member) => member.keptSnaplenBytes));
  }

  get isEmpty(): boolean {
    return this.members.length === 0;
  }

  /** Whether it has the members of these numbers, in this order. */
  isOf(members: readonly AttributedMember[], numbers: Int32Array, count: number): boolean {
    const own = this.members;
    if (own.length !== count) return false;
    for (let index = 0; index < count; index++) if (own[index] !== members[numbers[index]!]) return false;
    return true;
  }

  blockOf(isOut: boolean): Uint8Array | undefined {
    return isOut ? this.#outBlock : this.#inBlock;
  }

  keepBlock(isOut: boolean, block: Uint8Array): void {
    if (isOut) this.#outBlock = block;
    else this.#inBlock = block;
    this.grew(block.length);
  }
}

/** Of packets that are not stored. */
export const noMembers = new MemberSet([], () => {});
/** Of packets that another socket has too, during a take-over: they are that one's. */
export const anothersPacket = new MemberSet([], () => {});
