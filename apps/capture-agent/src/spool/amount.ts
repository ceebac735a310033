/** So much of what is captured. `bytes` are those on the disk, or in memory. */
export interface Amount {
  readonly sections: number;
  readonly packets: number;
  readonly bytes: number;
}

export const noAmount: Amount = { sections: 0, packets: 0, bytes: 0 };

export const plus = (a: Amount, b: Amount): Amount => ({
  sections: a.sections + b.sections,
  packets: a.packets + b.packets,
  bytes: a.bytes + b.bytes,
});

export const minus = (a: Amount, b: Amount): Amount => ({
  sections: a.sections - b.sections,
  packets: a.packets - b.packets,
  bytes: a.bytes - b.bytes,
});

export const sumOf = (amounts: Iterable<Amount>): Amount => [...amounts].reduce(plus, noAmount);

export type AmountsByEpoch = Map<number, Amount>;

export function addTo(amounts: AmountsByEpoch, epoch: number, amount: Amount): void {
  amounts.set(epoch, plus(amounts.get(epoch) ?? noAmount, amount));
}
