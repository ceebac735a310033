import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SectionCounters, SectionRow } from '../rows.js';
import { type Accounts, type AgentLoss, account, type LateArrival } from './epoch-account.js';

const AT_NS = 1_795_000_000_000_000_000n;
const MS = 1_000_000n;

/** Ten packets, one second after the section before. */
function section(seq: number, counters: SectionCounters | undefined = undefined, epoch = 1): SectionRow {
  const tsMinNs = AT_NS + BigInt(seq) * 1000n * MS;
  return {
    ...{ offset: 0n, agent: 'a', epoch, seq, crc32: 0, tsMinNs, tsMaxNs: tsMinNs + 999n * MS, packets: 10 },
    ...{ filters: [], droppedByKernel: 0, clockSuspect: false, body: Uint8Array.of(), counters },
  };
}
/** As an agent counts that loses nothing. */
const counted = (seq: number, more: SectionCounters = {}): SectionRow =>
  section(seq, { captured: 10 * (seq + 1), kept: 10 * (seq + 1), dropped: 0, ...more });

/** Each list in a commit of its own. */
function losses(...commits: readonly SectionRow[][]) {
  let known: Accounts = new Map();
  const all: AgentLoss[] = [];
  const late: LateArrival[] = [];
  for (const commit of commits) {
    const found = account(commit, known);
    known = new Map([...known, ...found.accounts]);
    all.push(...found.losses);
    late.push(...found.late);
  }
  return {
    all,
    late,
    known,
    shown: all.map(({ kind, epoch, sections, packets }) => ({ kind, epoch, sections, packets })),
  };
}

describe('account', () => {
  it('counts what is stored, and finds nothing lost where numbers and counters go on', () => {
    const { known, shown } = losses([counted(0), counted(1)], [counted(2)]);
    expect(shown).toEqual([]);
    expect(known.get('a 1')).toMatchObject({ sections: 3, packets: 30, lastSeq: 2, captured: 30, dropped: 0 });
  });

  it('finds what the kernel dropped, between the section before and this one', () => {
    const { all } = losses([counted(0)], [counted(1, { dropped: 7 }), counted(2, { dropped: 9 })]);
    expect(all).toMatchObject([
      { kind: 'kernel', packets: 7, fromNs: AT_NS + 999n * MS, toNs: AT_NS + 1999n * MS },
      { kind: 'kernel', packets: 2 },
    ]);
  });

  it('finds sections that were passed over, with their packets and the time between', () => {
    const { all } = losses([counted(0)], [counted(4)]);
    const between = { fromNs: AT_NS + 999n * MS, toNs: AT_NS + 4000n * MS };
    expect(all).toMatchObject([{ kind: 'missing', sections: 3, packets: 30, ...between }]);
  });

  it('does not take packets that a filter has sampled out for missing ones', () => {
    const { shown } = losses([counted(0)], [counted(2, { captured: 900 })]);
    expect(shown).toEqual([
      { kind: 'left-out', epoch: 1, sections: 0, packets: 870 },
      { kind: 'missing', epoch: 1, sections: 1, packets: 10 },
    ]);
  });

  it('counts an epoch from its beginning', () => {
    expect(losses([counted(2, { dropped: 4 })]).shown).toEqual([
      { kind: 'kernel', epoch: 1, sections: 0, packets: 4 },
      { kind: 'missing', epoch: 1, sections: 2, packets: 20 },
    ]);
  });

  it('takes what comes late back from the gap that it lay in', () => {
    const { all, late, known } = losses([counted(0)], [counted(3)], [counted(2)]);
    expect(all).toMatchObject([{ kind: 'missing', firstSeq: 1, sections: 2, packets: 20 }]);
    expect(late).toEqual([{ agent: 'a', epoch: 1, seq: 2, gapSeq: undefined, sections: 1, packets: 10 }]);
    expect(known.get('a 1')).toMatchObject({ sections: 3, packets: 30, lastSeq: 3 });
  });

  it('takes what comes late behind the end of an epoch back from what the next one told', () => {
    const before = { epoch: 1, captured: 40, kept: 40, lost: 0, dropped: 3, aliveAtMs: Number(AT_NS / MS) + 9000 };
    const told = section(0, { captured: 10, kept: 10, dropped: 0, before }, 2);
    const { all, late, known } = losses([counted(0)], [told], [counted(3, { dropped: 3 })], [counted(2)], [counted(1)]);
    expect(all).toMatchObject([
      { kind: 'kernel', packets: 3 },
      { kind: 'missing', firstSeq: 1, sections: 0, packets: 30 },
      { kind: 'missing', firstSeq: 1, sections: 2, packets: 0 },
    ]);
    expect(late.map(({ gapSeq, sections, packets }) => ({ gapSeq, sections, packets }))).toEqual([
      { gapSeq: 1, sections: 0, packets: 10 },
      { gapSeq: 1, sections: 1, packets: 10 },
      { gapSeq: 1, sections: 1, packets: 10 },
    ]);
    expect(known.get('a 1')).toMatchObject({ sections: 4, packets: 40, captured: 40, kept: 40, endedSeq: 0 });
  });

  it('learns how the epoch before ended, and of the one before that, though all of one comes late', () => {
    const end = (epoch: number) => ({ ...{ epoch, captured: 20, kept: 20, lost: 1, dropped: 2 }, aliveAtMs: 1 });
    const first = (epoch: number) => section(0, { captured: 10, kept: 10, before: end(epoch - 1) }, epoch);
    const { shown, late } = losses([counted(0)], [first(3)], [first(2)]);
    const of = (epoch: number) => [
      { kind: 'killed', epoch, sections: 0, packets: 1 },
      { kind: 'kernel', epoch, sections: 0, packets: 2 },
    ];
    expect(shown).toEqual([
      ...[...of(2), { kind: 'missing', epoch: 2, sections: 0, packets: 20 }],
      ...[...of(1), { kind: 'missing', epoch: 1, sections: 0, packets: 10 }],
    ]);
    expect(late).toMatchObject([{ epoch: 2, seq: 0, gapSeq: 0, packets: 10 }]);
  });

  it('takes an end of which no time is told for one before it was told', () => {
    const before = { epoch: 1, captured: 15, lost: 5, dropped: 0, aliveAtMs: 0 };
    const told = section(9, { before }, 2);
    expect(losses([counted(0)], [told]).all[0]).toMatchObject({ fromNs: counted(0).tsMaxNs, toNs: told.tsMinNs });
  });

  it('believes no time that the store cannot hold', () => {
    const before = { epoch: 1, captured: 1, lost: 1, dropped: 0, aliveAtMs: 999_999_999_999_999 };
    expect(losses([section(0, { before }, 2)]).all).toMatchObject([{ kind: 'killed', toNs: 2n ** 63n - 1n }]);
  });

  it('learns from the next epoch how one ended, once', () => {
    const before = { epoch: 1, captured: 55, lost: 5, dropped: 8, aliveAtMs: Number(AT_NS / MS) + 9000 };
    const next = (seq: number) => section(seq, { captured: 10 * (seq + 1), dropped: 0, before }, 2);
    const { all } = losses([counted(0), counted(1, { dropped: 6 })], [next(0)], [next(1)]);
    expect(all.slice(1)).toMatchObject([
      { kind: 'killed', epoch: 1, packets: 5, fromNs: AT_NS + 1999n * MS, toNs: AT_NS + 9000n * MS },
      { kind: 'kernel', epoch: 1, packets: 2 },
      { kind: 'missing', epoch: 1, packets: 30 },
    ]);
  });

  it.each([
    ['before any section came', [], 0],
    ['behind the last section', [counted(0)], 10],
  ] as const)('takes nothing for missing that the ended epoch sampled out %s', (_, stored, kept) => {
    const before = { epoch: 1, captured: 609, kept, lost: 0, dropped: 0, aliveAtMs: Number(AT_NS / MS) + 9000 };
    const next = section(0, { captured: 10, kept: 10, dropped: 0, before }, 2);
    const leftOut = { kind: 'left-out', epoch: 1, sections: 0, packets: 609 - kept };
    expect(losses([...stored], [next]).shown).toEqual([leftOut]);
    const given = { ...before, kept: kept + 20 };
    const gone = section(0, { captured: 10, kept: 10, dropped: 0, before: given }, 2);
    expect(losses([...stored], [gone]).shown).toEqual([
      { ...leftOut, packets: leftOut.packets - 20 },
      { kind: 'missing', epoch: 1, sections: 0, packets: 20 },
    ]);
  });

  it('takes the figures of a section without packets, and no time of packets from it', () => {
    const figures = { ...counted(3, { captured: 629, kept: 10, dropped: 4 }), packets: 0 };
    const { known, shown } = losses([counted(0)], [{ ...figures, seq: 1 }]);
    expect(shown).toEqual([
      { kind: 'kernel', epoch: 1, sections: 0, packets: 4 },
      { kind: 'left-out', epoch: 1, sections: 0, packets: 619 },
    ]);
    expect(known.get('a 1')).toMatchObject({
      packets: 10,
      captured: 629,
      kept: 10,
      leftOut: 619,
      lastNs: counted(0).tsMaxNs,
    });
  });

  it('finds a place for each captured packet: stored, left out, lost or missing, whatever comes late', () => {
    const anySection = fc.record({ packets: fc.nat(9), leftOut: fc.nat(9), turn: fc.nat(3) });
    const anyEpoch = fc.record({ sections: fc.array(anySection, { minLength: 1, maxLength: 8 }), lost: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(anyEpoch, { minLength: 1, maxLength: 4 }), (epochs) => {
        const turns: SectionRow[][] = [[], [], [], []];
        let before: SectionCounters['before'];
        for (const [epoch, { sections, lost }] of epochs.entries()) {
          let [captured, kept] = [0, 0];
          for (const [seq, { packets, leftOut, turn }] of sections.entries()) {
            kept += packets;
            captured += packets + leftOut;
            const counters = { captured, kept, dropped: 0, ...(before ? { before } : {}) };
            turns[turn]!.push({ ...section(seq, counters, epoch), packets });
          }
          before = { epoch, captured: captured + lost, kept, lost, dropped: 0, aliveAtMs: Number(AT_NS / MS) };
        }
        for (let turn = 1; turn <= turns.length; turn++) {
          const { all, late, known } = losses(...turns.slice(0, turn));
          const sum = (of: Iterable<{ packets: number }>) => [...of].reduce((total, { packets }) => total + packets, 0);
          const captured = [...known.values()].reduce((total, one) => total + (one.captured ?? 0), 0);
          expect(sum(known.values()) + sum(all) - sum(late)).toBe(captured);
        }
      }),
    );
  });

  it('knows of sections without counters only which are missing', () => {
    expect(losses([section(0)], [section(2)]).shown).toEqual([{ kind: 'missing', epoch: 1, sections: 1, packets: 0 }]);
  });
});
