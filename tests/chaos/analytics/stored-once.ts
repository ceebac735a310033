import { expect } from 'vitest';
import { printRow } from '../rig/row.js';
import type { AnalyticsRig } from './analytics-rig.js';
import { rowsBesideOffsets } from './stored-sections.js';

/** 20 in the long form of the failure suite. */
export const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
export const IS_LONG = ROUNDS >= 20;

/** All that was sent is stored, each packet once, rows agree with offsets, and no zombie committed. @param what happened */
export async function expectStoredOnce(rig: AnalyticsRig, what: string): Promise<void> {
  const found = await rig.found();
  printRow(`${what}; ${rig.traffic.packets} packets: ${JSON.stringify(found)}`);
  expect(found).toEqual({ lost: 0, duplicate: 0, unaccounted: 0 });
  expect(await rowsBesideOffsets(rig.pool)).toEqual([]);
  expect(await rig.commits.ofZombies()).toEqual([]);
}

/** Of durations. */
export function inMiddleAndAtMost(durationsMs: readonly number[]): string {
  const [middle, most] = middleAndMost(durationsMs);
  return `${middle} ms in the middle and ${most} ms at most`;
}

/** Of durations, in whole ms. */
export function middleAndMost(durationsMs: readonly number[]): readonly (string | undefined)[] {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  return [sorted[sorted.length >> 1], sorted.at(-1)].map((ms) => ms?.toFixed(0));
}
