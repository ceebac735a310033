import { describe, expect, it } from 'vitest';
import { expectEveryVerdictKept } from '../../../../tests/conformance/ir/pass-property.js';
import { at, behind, constant, type Ir, type Value } from '../ir/ir.js';
import { between } from '../ir/ranges.js';
import { allOf, anyOf, leafOf } from '../logic.js';
import { always, assign, atMost, equals, hasBits, isIn, not } from '../lower/conditions.js';
import { printGraph } from '../print/print-stages.js';
import { dropUnreachable } from './drop-unreachable.js';
import { buildGraph } from './graph.js';
import { type SkipOptions, skipDecided } from './skip-decided.js';

/** Without the nodes that are led past everywhere. */
function skipped(ir: Ir, options?: SkipOptions): string {
  const { graph, steps } = buildGraph(ir);
  return printGraph(dropUnreachable(skipDecided(graph, steps, options)));
}
const type = at(12, 2);
const slot: Value = { kind: 'slot', slot: 0 };

describe('skipDecided', () => {
  it('keeps every verdict, also of packets that end anywhere', () => {
    expectEveryVerdictKept((graph, table) => skipDecided(graph, table));
  });
  it('keeps every verdict when it leaves loads that stand for themselves', () => {
    expectEveryVerdictKept((graph, table) => skipDecided(graph, table, { keepsStanding: true }));
  });

  it('asks nothing again that was answered', () => {
    expect(skipped(allOf(equals(type, 0x800), equals(type, 0x800)))).toBe('0: [12:2] == 0x800 ? accept : reject');
  });
  it('asks for nothing that an earlier answer rules out', () => {
    expect(skipped(allOf(equals(type, 0x86dd), not(equals(type, 0x800)), equals(at(20, 1), 6)))).toBe(
      '0: [12:2] == 0x86dd ? 1 : reject\n1: [20:1] == 0x6 ? accept : reject',
    );
  });
  it('knows what two ways have in common where they meet', () => {
    const ip = allOf(anyOf(equals(type, 0x800), equals(type, 0x806)), not(equals(type, 0x86dd)));
    expect(skipped(ip)).toBe('0: [12:2] == 0x800 ? accept : 1\n1: [12:2] == 0x806 ? accept : reject');
  });
  it('knows bits from a value, and a value from bits', () => {
    const flags = at(47, 1);
    expect(skipped(allOf(equals(flags, 0x12), hasBits(flags, 0x02)))).toBe('0: [47:1] == 0x12 ? accept : reject');
    // That leaves nothing of it but its load: without it the answer is “no” as well.
    expect(skipped(allOf(hasBits(flags, 0x02), equals(flags, 0x10)))).toBe('0: load [47:1] then reject');
  });

  describe('a question that the size of its field decides', () => {
    const small = atMost(at(40, 1), 299);
    it('still loads the field: on a packet without it the answer is “no”', () => {
      expect(skipped(anyOf(small, equals(at(0, 1), 1)))).toBe('0: load [40:1] then accept');
    });
    it('goes where its load was done, or is done next', () => {
      expect(skipped(allOf(equals(at(41, 1), 1), small))).toBe('0: [41:1] == 0x1 ? accept : reject');
      expect(skipped(allOf(small, equals(at(41, 1), 1)))).toBe('0: [41:1] == 0x1 ? accept : reject');
    });
    it('goes where the answer is “no” in any case', () => {
      expect(skipped(allOf(isIn(at(40, 1), between(300, 400)), equals(at(0, 1), 1)))).toBe('reject');
    });
    it('stays in front of a load that ends earlier, or that may be anywhere', () => {
      expect(skipped(allOf(small, equals(at(39, 1), 1)))).toBe(
        '0: load [40:1] then 1\n1: [39:1] == 0x1 ? accept : reject',
      );
      expect(skipped(allOf(small, equals(behind(at(50, 1), 0, 1), 1)))).toBe(
        '0: [[50:1] + 0:1] == 0x1 ? accept : reject',
      );
      expect(skipped(allOf(small, equals(behind(at(5, 1), 50, 1), 1)))).toBe(
        '0: load [40:1] then 1\n1: [[5:1] + 50:1] == 0x1 ? accept : reject',
      );
    });
    it('stays whatever stands beside it while questions may still go', () => {
      expect(skipped(allOf(small, equals(at(41, 1), 1)), { keepsStanding: true })).toBe(
        '0: load [40:1] then 1\n1: [41:1] == 0x1 ? accept : reject',
      );
      expect(skipped(allOf(equals(at(41, 1), 1), small), { keepsStanding: true })).toBe(
        '0: [41:1] == 0x1 ? 1 : reject\n1: load [40:1] then accept',
      );
    });
  });

  it('loads a field that is compared with itself', () => {
    const same = leafOf({ kind: 'compare', left: at(3, 1), comparison: 'ge', right: at(3, 1) } as const);
    expect(skipped(same)).toBe('0: load [3:1] then accept');
  });
  it('keeps a division, which ends the program on long packets too', () => {
    const quotient: Value = { kind: 'binary', operator: '/', left: constant(1), right: at(3, 1) };
    expect(skipped(allOf(equals(at(3, 1), 1), isIn(quotient, between(0, 0xffff_ffff))))).toBe(
      '0: [3:1] == 0x1 ? 1 : reject\n1: load (0x1 / [3:1]) then accept',
    );
  });

  it('puts the number of a slot into what reads it', () => {
    expect(skipped(allOf(assign(0, constant(4)), equals(behind(slot, 12, 2), 0x800)))).toBe(
      '0: slot 0 := 0x4 then 1\n1: [16:2] == 0x800 ? accept : reject',
    );
    // What was never assigned is 0.
    expect(skipped(equals(behind(slot, 12, 2), 0x800))).toBe('0: [12:2] == 0x800 ? accept : reject');
  });
  it('fills no slot with what it holds: 0, where nothing was assigned', () => {
    expect(skipped(allOf(assign(0, constant(0)), equals(behind(slot, 12, 2), 0x800)))).toBe(
      '0: [12:2] == 0x800 ? accept : reject',
    );
    const twice = allOf(assign(0, constant(4)), assign(0, constant(4)), equals(behind(slot, 0, 1), 1));
    expect(skipped(twice).match(/slot 0 := 0x4/g)).toHaveLength(1);
  });
  it('leaves a slot whose number depends on the way, and forgets what was made from the old one', () => {
    const either = anyOf(allOf(equals(at(0, 1), 1), assign(0, constant(4))), always(true));
    expect(skipped(allOf(either, equals(behind(slot, 0, 1), 7)))).toContain('[slot 0 + 0:1] == 0x7');
    const moving = allOf(
      assign(0, at(0, 1)),
      equals(behind(slot, 0, 1), 7),
      assign(0, at(1, 1)),
      equals(behind(slot, 0, 1), 7),
    );
    expect(skipped(moving).match(/slot 0 \+ 0:1\] == 0x7/g)).toHaveLength(2);
  });
  it('leads no further than it may', () => {
    const twice = allOf(equals(type, 1), equals(type, 1), equals(type, 1));
    expect(skipped(twice, { maxSteps: 1 })).toBe('0: [12:2] == 0x1 ? 1 : reject\n1: load [12:2] then accept');
  });
});
