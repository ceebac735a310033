import { BPF, checkProgram, formatProgram, interpret } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { Random, seedOfRun } from '../random.js';
import { shareWithin } from '../share.js';
import { randomValidProgram } from './random-program.js';

const seed = seedOfRun();

describe(`random programs (BPFLEET_TEST_SEED=${seed})`, () => {
  const random = new Random(seed);
  const programs = Array.from({ length: 4000 }, (_, index) =>
    randomValidProgram(random, { ancillary: index % 2 === 1 }),
  );

  it('are programs the checker takes', () => {
    for (const program of programs)
      expect([checkProgram(program), checkProgram(program) && formatProgram(program, 'd')]).toEqual([
        undefined,
        undefined,
      ]);
  });

  it('have every opcode the kernel knows', () => {
    const codes = new Set(programs.flatMap((program) => program.map(({ code }) => code)));
    // 20 arithmetic with an operand and neg, 6 packet loads, 7 others, 2 stores, 2 moves, 2 returns, 9 jumps.
    expect(codes.size).toBe(49);
  });

  it('often get past their first loads', () => {
    const bytes = Uint8Array.from({ length: 200 }, () => random.below(256));
    const verdicts = programs.map((program) =>
      interpret(program, { bytes, start: 0, capturedLength: 200, wireLength: 200 }),
    );
    const accepted = verdicts.filter((verdict) => verdict !== 0).length / verdicts.length;
    const { least, most } = shareWithin(accepted, verdicts.length);
    expect(most).toBeGreaterThan(0.25);
    expect(least).toBeLessThan(0.8);
    expect(programs.some((program) => program.some(({ code }) => code === (BPF.ALU | BPF.LSH | BPF.X)))).toBe(true);
  });
});
