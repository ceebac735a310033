import type { SectionCounters, SectionRow } from '../rows.js';

/** What is stored of one epoch of an agent, and the agent's own counters as of `lastSeq`. Times in Unix ns. */
export interface EpochAccount {
  readonly agent: string;
  readonly epoch: number;
  readonly firstNs: bigint;
  readonly lastNs: bigint;
  readonly sections: number;
  readonly packets: number;
  readonly lastSeq: number;
  readonly captured: number | undefined;
  readonly kept: number | undefined;
  readonly dropped: number | undefined;
}

/** Packets that hosts had and that are not stored, and when that was. */
export interface AgentLoss {
  readonly agent: string;
  readonly epoch: number;
  /** `kernel`: dropped by its rings; `killed`: lost with the agent's process; `missing`: sections that did not come. */
  readonly kind: 'kernel' | 'killed' | 'missing';
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** Both are negative where something comes late that was counted as missing. */
  readonly sections: number;
  readonly packets: number;
}

/** Accounts as they are before and after some sections, by `agent epoch`. */
export type Accounts = ReadonlyMap<string, EpochAccount>;

export const accountKey = ({ agent, epoch }: { agent: string; epoch: number }): string => `${agent} ${epoch}`;

const NS_PER_MS = 1_000_000n;

/**
 * Enters sections that were not stored before into the accounts of their epochs.
 * @param before the accounts of these sections' epochs, and of the epochs that these follow, as far as there are any
 * @returns the accounts that changed, and what these sections show to be lost
 */
export function account(
  sections: readonly SectionRow[],
  before: Accounts,
): { readonly accounts: Accounts; readonly losses: readonly AgentLoss[] } {
  const accounts = new Map<string, EpochAccount>();
  const losses: AgentLoss[] = [];
  for (const section of inOrder(sections)) {
    const key = accountKey(section);
    const known = accounts.get(key) ?? before.get(key);
    if (known === undefined) losses.push(...lossesBefore(section, accounts, before));
    losses.push(...lossesAt(section, known));
    accounts.set(key, entered(section, known));
  }
  return { accounts, losses: losses.filter(({ sections, packets }) => sections !== 0 || packets !== 0) };
}

/** An agent's sections arrive in order, but for those that were published again. */
function inOrder(sections: readonly SectionRow[]): readonly SectionRow[] {
  const compare = (a: SectionRow, b: SectionRow) =>
    a.agent < b.agent ? -1 : a.agent > b.agent ? 1 : a.epoch - b.epoch || a.seq - b.seq;
  return sections.toSorted(compare);
}

/** Between the section before and this one: what the kernel dropped, and the numbers that were passed over. */
function lossesAt(section: SectionRow, known: EpochAccount | undefined): AgentLoss[] {
  const { agent, epoch, seq, tsMinNs, tsMaxNs, packets, counters } = section;
  const lastSeq = known?.lastSeq ?? -1;
  const at = { agent, epoch, fromNs: least(known?.lastNs ?? tsMinNs, tsMinNs) };
  // Counted as missing when the one behind it came.
  if (seq < lastSeq) return [{ ...at, kind: 'missing', toNs: tsMaxNs, sections: -1, packets: -packets }];
  const losses: AgentLoss[] = [];
  const dropped = Math.max(0, (counters?.dropped ?? 0) - (known?.dropped ?? 0));
  losses.push({ ...at, kind: 'kernel', toNs: tsMaxNs, sections: 0, packets: dropped });
  const missing = seq - lastSeq - 1;
  if (missing > 0) {
    const made = grown(counters?.kept, known?.kept, known) ?? grown(counters?.captured, known?.captured, known);
    const lost = Math.max(0, (made ?? packets) - packets);
    losses.push({ ...at, kind: 'missing', toNs: tsMinNs, sections: missing, packets: lost });
  }
  return losses;
}

/** By how much a counter of the agent grew; undefined where one end is not known. */
function grown(now: number | undefined, last: number | undefined, known: EpochAccount | undefined): number | undefined {
  if (now === undefined || (known !== undefined && last === undefined)) return undefined;
  return now - (last ?? 0);
}

/** With the first section of an epoch the agent tells how the one before ended. */
function lossesBefore({ agent, counters }: SectionRow, accounts: Accounts, before: Accounts): AgentLoss[] {
  const ended = counters?.before;
  if (ended === undefined) return [];
  const key = accountKey({ agent, epoch: ended.epoch });
  const known = accounts.get(key) ?? before.get(key);
  const toNs = BigInt(ended.aliveAtMs) * NS_PER_MS;
  const at = { agent, epoch: ended.epoch, fromNs: least(known?.lastNs ?? toNs, toNs), toNs, sections: 0 };
  const dropped = Math.max(0, ended.dropped - (known?.dropped ?? 0));
  // Behind the last section that came, sections were given up; how many, nobody says.
  const unsent = Math.max(0, unsentOf(ended, known));
  return [
    { ...at, kind: 'killed', packets: ended.lost },
    { ...at, kind: 'kernel', packets: dropped },
    { ...at, kind: 'missing', packets: unsent },
  ];
}

/** What was sampled out, or over a budget, is in no section: it is not missing. */
function unsentOf(ended: NonNullable<SectionCounters['before']>, known: EpochAccount | undefined): number {
  if (ended.kept !== undefined && (known === undefined || known.kept !== undefined))
    return ended.kept - (known?.kept ?? 0);
  return ended.captured - ended.lost - (known === undefined ? 0 : (known.captured ?? ended.captured));
}

function entered({ agent, epoch, seq, tsMinNs, tsMaxNs, packets, counters }: SectionRow, known?: EpochAccount) {
  // One without packets tells figures alone.
  const [first, last] = packets === 0 && known ? [known.firstNs, known.lastNs] : [tsMinNs, tsMaxNs];
  return {
    agent,
    epoch,
    firstNs: least(known?.firstNs ?? first, first),
    lastNs: greatest(known?.lastNs ?? last, last),
    sections: (known?.sections ?? 0) + 1,
    packets: (known?.packets ?? 0) + packets,
    lastSeq: Math.max(known?.lastSeq ?? -1, seq),
    captured: largest(known?.captured, counters?.captured),
    kept: largest(known?.kept, counters?.kept),
    dropped: largest(known?.dropped, counters?.dropped),
  };
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const greatest = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const largest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.max(a, b);
