import { checkProgram, formatProgram, MAX_INSTRUCTIONS, type Program, readProgram } from '@bpfleet/bpf';
import { compile, explainProgram, renderProgramExplanation } from '@bpfleet/pcap-filter';
import { describe, expect, it } from 'vitest';
import { Random, seedOfRun } from '../random.js';
import { hostilePrograms } from './hostile-programs.js';

/** What is below it is not worth a second look. */
const NOTICED_MS = 2000;
/** Between four times and sixteen times. */
const GROWTH = 12;

describe('explain, given programs of any kind as long as the kernel takes them', () => {
  const seed = seedOfRun();

  it.each(hostilePrograms)(
    `finds an expression or says why there is none, in time that grows with the length alone: $name (BPFLEET_TEST_SEED=${seed})`,
    ({ write }) => {
      const program = write(MAX_INSTRUCTIONS, new Random(seed));
      expect(program.length).toBeGreaterThan(MAX_INSTRUCTIONS - 32);
      expect(checkProgram(program)).toBeUndefined();
      const { expression, unsaid, live, ms } = timed(program);
      if (expression === undefined) expect(unsaid?.reason).toMatch(/./);
      else expect(isAnswered(expression, live === true)).toBe(true);
      if (ms < NOTICED_MS) return;
      // Four times as long may take four times as much; sixteen times would be the square. The quicker of two counts.
      const [long, short] = [1, 4].map((part) => {
        const one = write(MAX_INSTRUCTIONS / part, new Random(seed));
        return Math.min(...Array.from({ length: 2 }, () => timed(one).ms));
      }) as [number, number];
      expect(long / Math.max(short, NOTICED_MS / 4)).toBeLessThan(GROWTH);
    },
  );

  it.each(hostilePrograms)(`reads what it printed: $name`, ({ write }) => {
    const program = write(MAX_INSTRUCTIONS, new Random(seed));
    for (const format of ['d', 'dd', 'ddd'] as const)
      expect(readProgram(formatProgram(program, format))).toEqual(program);
  });
});

function timed(program: Program) {
  const start = performance.now();
  const explanation = explainProgram(program);
  renderProgramExplanation(explanation);
  return { ...explanation, ms: performance.now() - start };
}

/** Where no packet can match, the compiler says so of the expression too. */
function isAnswered(expression: string, live: boolean): boolean {
  try {
    return compile(expression, { live }).program.length > 0;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'NEVER_MATCHES';
  }
}
