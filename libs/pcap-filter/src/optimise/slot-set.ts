/** A set of slots, one bit each: hostile expressions have a thousand slots, and every node has a set. Never changed. */
export type SlotSet = Uint32Array;

export const noSlots: SlotSet = new Uint32Array(0);

export function hasSlot(set: SlotSet, slot: number): boolean {
  return ((set[slot >>> 5] ?? 0) & (1 << (slot & 31))) !== 0;
}

/** What is in either, without `removed`, and with `added`. */
export function unite(a: SlotSet, b: SlotSet, removed: number | undefined, added: readonly number[]): SlotSet {
  if (removed === undefined && added.length === 0) {
    if (a === b || b.length === 0) return a;
    if (a.length === 0) return b;
  }
  const words = Math.max(a.length, b.length, ...added.map((slot) => (slot >>> 5) + 1));
  const united = new Uint32Array(words);
  for (let index = 0; index < words; index++) united[index] = (a[index] ?? 0) | (b[index] ?? 0);
  if (removed !== undefined && removed >>> 5 < words) united[removed >>> 5]! &= ~(1 << (removed & 31));
  for (const slot of added) united[slot >>> 5]! |= 1 << (slot & 31);
  return united;
}

/** Ascending. */
export function slotsIn(set: SlotSet): number[] {
  const slots: number[] = [];
  for (const [index, word] of set.entries()) {
    for (let rest = word; rest !== 0; rest &= rest - 1) slots.push(32 * index + 31 - Math.clz32(rest & -rest));
  }
  return slots;
}
