import type { SectionCounters, SectionRow } from '../rows.js';

/**
 * What is stored of one epoch of an agent, and the agent's own counters: as of `lastSeq`, or of its end once that is known.
 * Times in Unix ns. Without a section, `lastSeq` is -1: only the next epoch has told of it.
 */
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
  /** Captured and put into no section: sampled out, or over a budget. */
  readonly leftOut: number;
  /** What `lastSeq` was when the next epoch told how this one ended; undefined: that is not known. */
  readonly endedSeq: number | undefined;
}

/** Packets that hosts had and that are not stored, and when that was. */
export interface AgentLoss {
  readonly agent: string;
  readonly epoch: number;
  /**
   * `kernel`: dropped by its rings; `killed`: lost with the agent's process; `missing`: sections that did not come;
   * `left-out`: put into none, as its filters' sampling and budgets want it.
   */
  readonly kind: 'kernel' | 'killed' | 'missing' | 'left-out';
  /** Of missing ones: the first sequence number of their gap. */
  readonly firstSeq?: number;
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly sections: number;
  readonly packets: number;
}

/** What was told missing and came: taken back from the gap that `seq` lies in, so that no other loss is hidden by it. */
export interface LateArrival {
  readonly agent: string;
  readonly epoch: number;
  readonly seq: number;
  /** Where that gap begins; undefined: it is the last that does not begin behind `seq`. */
  readonly gapSeq: number | undefined;
  /** 0 behind the end of an epoch: how many were missing there, nobody said. */
  readonly sections: 0 | 1;
  readonly packets: number;
}

/** Accounts as they are before and after some sections, by `agent epoch`. */
export type Accounts = ReadonlyMap<string, EpochAccount>;

export const accountKey = ({ agent, epoch }: { agent: string; epoch: number }): string => `${agent} ${epoch}`;

const NS_PER_MS = 1_000_000n;

export interface Entries {
  /** Those that changed. */
  readonly accounts: Accounts;
  readonly losses: readonly AgentLoss[];
  /** Of gaps that earlier calls have found. */
  readonly late: readonly LateArrival[];
}

/**
 * Enters sections that were not stored before into the accounts of their epochs.
 * @param before the accounts of these sections' epochs, and of the epochs that these follow, as far as there are any
 */
export function account(sections: readonly SectionRow[], before: Accounts): Entries {
  const accounts = new Map<string, EpochAccount>();
  const losses: AgentLoss[] = [];
  const late: LateArrival[] = [];
  for (const section of inOrder(sections)) {
    const key = accountKey(section);
    const known = accounts.get(key) ?? before.get(key);
    const ended = section.counters?.before;
    if (ended !== undefined && (known?.sections ?? 0) === 0) {
      const endedKey = accountKey({ agent: section.agent, epoch: ended.epoch });
      const one = accounts.get(endedKey) ?? before.get(endedKey);
      if (one?.endedSeq === undefined) {
        losses.push(...lossesAtEnd(section, ended, one));
        accounts.set(endedKey, closed(section, ended, one));
      }
    }
    losses.push(...lossesAt(section, known));
    late.push(...lateAt(section, known));
    accounts.set(key, entered(section, known));
  }
  const isLoss = ({ sections, packets }: AgentLoss) => sections > 0 || packets > 0;
  return { accounts, losses: losses.filter(isLoss), late };
}

/** An agent's sections arrive in order, but for those that were published again. */
function inOrder(sections: readonly SectionRow[]): readonly SectionRow[] {
  const compare = (a: SectionRow, b: SectionRow) =>
    a.agent < b.agent ? -1 : a.agent > b.agent ? 1 : a.epoch - b.epoch || a.seq - b.seq;
  return sections.toSorted(compare);
}

/** Between the section before and this one: what was dropped or left out, and the numbers that were passed over. */
function lossesAt(section: SectionRow, known: EpochAccount | undefined): AgentLoss[] {
  const { agent, epoch, seq, tsMinNs, tsMaxNs, packets, counters } = section;
  const lastSeq = known?.lastSeq ?? -1;
  if (seq < lastSeq) return [];
  const at = { agent, epoch, fromNs: least(known?.lastNs ?? tsMinNs, tsMinNs) };
  const losses: AgentLoss[] = [];
  const dropped = Math.max(0, (counters?.dropped ?? 0) - (known?.dropped ?? 0));
  losses.push({ ...at, kind: 'kernel', toNs: tsMaxNs, sections: 0, packets: dropped });
  const leftOut = leftOutOf(counters, known) - (known?.leftOut ?? 0);
  losses.push({ ...at, kind: 'left-out', toNs: tsMaxNs, sections: 0, packets: leftOut });
  const missing = seq - lastSeq - 1;
  if (missing > 0) {
    const made = grown(counters?.kept, known?.kept, known) ?? grown(counters?.captured, known?.captured, known);
    const lost = Math.max(0, (made ?? packets) - packets);
    // Behind an end that is known all gaps are one: its packets are counted there already, for all of them together.
    const firstSeq = (known?.endedSeq ?? lastSeq) + 1;
    losses.push({ ...at, kind: 'missing', firstSeq, toNs: tsMinNs, sections: missing, packets: lost });
  }
  return losses;
}

/** Never less than before: what comes late tells of an earlier time. An agent that does not say what it keeps leaves it open. */
function leftOutOf(told: (SectionCounters & { lost?: number }) | undefined, known: EpochAccount | undefined): number {
  const now =
    told?.captured === undefined || told.kept === undefined ? 0 : told.captured - told.kept - (told.lost ?? 0);
  return Math.max(now, known?.leftOut ?? 0);
}

/** Counted as missing when the one behind it came, or when the next epoch told how many packets this one had. */
function lateAt({ agent, epoch, seq, packets }: SectionRow, known: EpochAccount | undefined): LateArrival[] {
  if (known === undefined) return [];
  const { lastSeq, endedSeq } = known;
  const gapSeq = endedSeq !== undefined && seq > endedSeq ? endedSeq + 1 : undefined;
  if (seq < lastSeq) return [{ agent, epoch, seq, gapSeq, sections: 1, packets }];
  return gapSeq === undefined || packets === 0 ? [] : [{ agent, epoch, seq, gapSeq, sections: 0, packets }];
}

/** By how much a counter of the agent grew; undefined where one end is not known. */
function grown(now: number | undefined, last: number | undefined, known: EpochAccount | undefined): number | undefined {
  if (now === undefined || (known !== undefined && last === undefined)) return undefined;
  return now - (last ?? 0);
}

type EpochEnd = NonNullable<SectionCounters['before']>;

/** A time that a bigint of ns can hold, whatever an agent says; where it does not say one, not after it told. */
const endNs = ({ aliveAtMs }: EpochEnd, told: SectionRow): bigint =>
  aliveAtMs > 0 ? least(BigInt(aliveAtMs) * NS_PER_MS, LAST_NS) : told.tsMinNs;
export const LAST_NS = 2n ** 63n - 1n;

/** With the first section of an epoch the agent tells how the one before ended. */
function lossesAtEnd(told: SectionRow, ended: EpochEnd, known: EpochAccount | undefined): AgentLoss[] {
  const toNs = endNs(ended, told);
  const at = { agent: told.agent, epoch: ended.epoch, fromNs: least(known?.lastNs ?? toNs, toNs), toNs, sections: 0 };
  const dropped = Math.max(0, ended.dropped - (known?.dropped ?? 0));
  // Behind the last section that came, sections were given up; how many, nobody says.
  const unsent = Math.max(0, unsentOf(ended, known));
  return [
    { ...at, kind: 'killed', packets: ended.lost },
    { ...at, kind: 'kernel', packets: dropped },
    { ...at, kind: 'left-out', packets: leftOutOf(ended, known) - (known?.leftOut ?? 0) },
    { ...at, kind: 'missing', firstSeq: (known?.lastSeq ?? -1) + 1, packets: unsent },
  ];
}

/** What comes late of the epoch is measured by its end from now on. */
function closed(told: SectionRow, ended: EpochEnd, known: EpochAccount | undefined): EpochAccount {
  const { epoch, captured, kept, dropped } = ended;
  const atNs = endNs(ended, told);
  const nothing = { agent: told.agent, epoch, firstNs: atNs, lastNs: atNs, sections: 0, packets: 0, lastSeq: -1 };
  return {
    ...(known ?? nothing),
    captured: largest(known?.captured, captured),
    kept: largest(known?.kept, kept),
    dropped: largest(known?.dropped, dropped),
    leftOut: leftOutOf(ended, known),
    endedSeq: known?.lastSeq ?? -1,
  };
}

/** What was left out is in no section: it is not missing. */
function unsentOf(ended: EpochEnd, known: EpochAccount | undefined): number {
  if (ended.kept !== undefined && (known === undefined || known.kept !== undefined))
    return ended.kept - (known?.kept ?? 0);
  return ended.captured - ended.lost - (known === undefined ? 0 : (known.captured ?? ended.captured));
}

function entered(section: SectionRow, known?: EpochAccount): EpochAccount {
  const { agent, epoch, seq, tsMinNs, tsMaxNs, packets, counters } = section;
  // Of one that nothing is stored of, the times are only a guess; one without packets tells figures alone.
  const times = known !== undefined && known.sections > 0 ? known : undefined;
  const [first, last] = packets === 0 && times ? [times.firstNs, times.lastNs] : [tsMinNs, tsMaxNs];
  return {
    agent,
    epoch,
    firstNs: least(times?.firstNs ?? first, first),
    lastNs: greatest(times?.lastNs ?? last, last),
    sections: (known?.sections ?? 0) + 1,
    packets: (known?.packets ?? 0) + packets,
    lastSeq: Math.max(known?.lastSeq ?? -1, seq),
    captured: largest(known?.captured, counters?.captured),
    kept: largest(known?.kept, counters?.kept),
    dropped: largest(known?.dropped, counters?.dropped),
    leftOut: leftOutOf(counters, known),
    endedSeq: known?.endedSeq,
  };
}

export const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const greatest = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const largest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.max(a, b);
