import { describe, expect, it } from 'vitest';
import { SAMPLE_MS, Soak } from './soak.js';

/** Collected once a minute, with what is left not always the same. */
const heapMib = (minutes: number) => 80 + 30 * (minutes % 1) + 2 * Math.sin(minutes);

const EVERY_MINUTES = SAMPLE_MS / 60_000;

/** A soak of a process that keeps so much. */
function soakOf(minutes: number, leakMibPerMinute: number): Soak {
  let atMinutes = 0;
  const soak = new Soak(
    () => [1],
    () => ({ memoryMib: heapMib(atMinutes) + leakMibPerMinute * atMinutes, descriptors: 20 }),
  );
  for (; atMinutes < minutes; atMinutes += EVERY_MINUTES) soak.sample(60_000 * atMinutes);
  return soak;
}
const SECTION_A_SECOND = (64 * 60) / 1024;

describe('a soak', () => {
  it.each([3, 20, 60])('of %i minutes tells a leak of one section of 64 KiB a second', (minutes) => {
    expect(() => soakOf(minutes, SECTION_A_SECOND).expectFlat()).toThrow();
  });

  it.each([10, 20, 60])('of %i minutes is flat where garbage comes and goes', (minutes) => {
    soakOf(minutes, 0).expectFlat();
  });

  it('tells the smaller leaks the longer it is', () => {
    soakOf(20, 0.4).expectFlat();
    expect(() => soakOf(60, 0.4).expectFlat()).toThrow();
  });

  it('says what it found, and what is allowed', () => {
    expect(soakOf(20, SECTION_A_SECOND).says).toMatch(
      / [34]\.\d\d MiB\/min from the second to the last \(flat below 0\.80\)/,
    );
  });
});
