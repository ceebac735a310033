import { describe, expect, it } from 'vitest';
import { accepts, classOf, type PacketClass } from './numbered-packets.js';
import { SwapAudit } from './swap-audit.js';

const SEED = 5;
const SENT = 3_999;
const CUT_EVERY = 1_000;
const versionAt = (number: number) => 1 + Math.floor(number / CUT_EVERY);

/** The first packet of a class from a number on. */
function next(packetClass: PacketClass, from: number): number {
  let number = from;
  while (classOf(number, SEED) !== packetClass) number++;
  return number;
}

/** What is found when packets are stored as they should be, but for those in `instead`. */
function findings(instead: Readonly<Record<number, readonly string[]>> = {}) {
  const audit = new SwapAudit(SEED);
  for (let number = 1; number <= SENT; number++) {
    const version = versionAt(number);
    const right = accepts(version, classOf(number, SEED)) ? [`f@${version}`] : [];
    for (const versions of instead[number] ?? right) audit.stored(number, versions);
  }
  return audit.findings(SENT);
}

describe('an audit of swaps', () => {
  it('finds nothing wrong where each packet is stored under the version in force', () => {
    const { counts, ...found } = findings();
    expect(found).toEqual({ versions: 4, wrong: 0, examples: [] });
    expect(counts.neither.stored).toBe(0);
    expect(counts.both.stored).toBe(counts.both.sent);
    for (const { sent } of Object.values(counts)) expect(sent).toBeGreaterThan(SENT / 5);
  });

  // Version 2 is in force from 1,000 on.
  const late = 1_500;
  it.each<[string, PacketClass, readonly string[]]>([
    ['what both accept is missing', 'both', []],
    ['what both accept is stored twice', 'both', ['f@2', 'f@2']],
    ['what both accept is stored under both at once', 'both', ['f@1,f@2']],
    ['what both accept is stored under the old one after the cut', 'both', ['f@1']],
    ['what both accept is stored under one that never was', 'both', ['f@9']],
    ['what the old one accepts is stored after the cut', 'odd', ['f@1']],
    ['what the new one accepts is stored under the old one', 'even', ['f@1']],
    ['what neither accepts is stored', 'neither', ['f@2']],
  ])('finds it when %s', (_, packetClass, stored) => {
    const number = next(packetClass, late);
    const { wrong, examples } = findings({ [number]: stored });
    expect(wrong).toBeGreaterThan(0);
    expect(examples[0]).toMatch(/^\d+ /);
  });

  it.each<PacketClass>(['odd', 'even'])('finds a lost packet of class %s that the version in force accepts', (one) => {
    // Version 1 accepts odd, version 2 even.
    const number = next(one, one === 'odd' ? 500 : late);
    expect(findings({ [number]: [] }).wrong).toBeGreaterThan(0);
  });

  it('takes it that a version was never in force', () => {
    const audit = new SwapAudit(SEED);
    for (let number = 1; number < 100; number++) {
      const version = number < 50 ? 1 : 4;
      if (accepts(version, classOf(number, SEED))) audit.stored(number, `f@${version}`);
    }
    expect(audit.findings(99)).toMatchObject({ versions: 2, wrong: 0 });
  });

  it('has room for any number of packets', () => {
    const audit = new SwapAudit(SEED);
    audit.stored(7, 'f@1');
    audit.stored(3_000_000, 'f@1');
    expect([audit.has(7), audit.has(8), audit.has(3_000_000), audit.has(90_000_000)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});
