import { expect, it } from 'vitest';
import type { Change } from './commit-log.js';
import { longestPausesMs } from './longest-pauses.js';

const commit = (partition: number, atMs: number): Change => ({
  ...{ id: atMs, atMs, replica: 'r1', partition, next: 0n, isTaken: false },
});
const sending = { fromMs: 1_000, untilMs: 100_000 };

it('counts from the start of sending and up to its end, for each partition', () => {
  const steady = [30_000, 60_000, 90_000].map((atMs) => commit(0, atMs));
  const late = [60_000, 90_000].map((atMs) => commit(1, atMs));
  const stopped = [20_000, 10_000].map((atMs) => commit(2, atMs));
  const beside = [500, 110_000].map((atMs) => commit(4, atMs));
  const taken = { ...commit(3, 50_000), isTaken: true };
  const changes = [...steady, ...late, ...stopped, taken, ...beside];
  // The fourth is only taken over, the fifth goes on before and behind, the last says nothing at all.
  expect(longestPausesMs(changes, 6, sending)).toEqual([30_000, 59_000, 80_000, 99_000, 99_000, 99_000]);
});
