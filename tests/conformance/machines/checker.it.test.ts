import {
  BPF,
  type CheckRule,
  checkProgram,
  checkRules,
  encodeProgram,
  formatProgram,
  type Instruction,
  type Program,
  statement,
} from '@bpfleet/bpf';
import { KernelVerdicts, SystemCallError } from '@bpfleet/linux';
import { afterAll, expect, it } from 'vitest';
import { suiteRequires } from '../../environment/src/requirements.js';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';
import { shareWithin } from '../share.js';
import { mutations } from './mutate.js';
import { randomValidProgram } from './random-program.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const PROGRAMS = 3000 * ROUNDS;
const linux = process.platform === 'linux' ? { kernel: KernelVerdicts.open() } : { unavailable: 'not Linux' };

suiteRequires('checkProgram', { linux }, ({ linux: { kernel } }) => {
  const seed = seedOfRun();
  afterAll(() => kernel.close());

  /** Undefined where the program is valid and only too long for net.core.optmem_max. */
  const isTaken = (program: Program): boolean | undefined => {
    try {
      kernel.attach(encodeProgram(program));
      return true;
    } catch (error) {
      if (!(error instanceof SystemCallError) || !['EINVAL', 'ENOMEM'].includes(error.errno)) throw error;
      return error.errno === 'ENOMEM' ? undefined : false;
    }
  };

  const compare = (program: Program) => {
    const fault = checkProgram(program);
    const taken = isTaken(program);
    if (taken === undefined ? fault !== undefined : taken !== (fault === undefined)) {
      expect.fail(
        `seed ${seed}: the kernel ${taken ? 'takes' : 'refuses'}, we say ${fault?.rule}\n${formatProgram(program, 'd')}`,
      );
    }
    return fault;
  };

  it(
    `takes what the kernel takes, refuses what it refuses, and names the rule that was broken (BPFLEET_TEST_SEED=${seed})`,
    () => {
      const random = new Random(seed);
      const hit = new Map<CheckRule, number>(checkRules.map((rule) => [rule, 0]));
      let valid = 0;
      for (let round = 0; round < PROGRAMS; round++) {
        const length = 2 + random.below(random.of([4, 30, 120]));
        const whole = randomValidProgram(random, { ancillary: true, length });
        if (round % 2 === 0) {
          expect(compare(whole)).toBeUndefined();
          valid++;
          continue;
        }
        const rule = random.of(checkRules);
        const { program, instruction } = mutations[rule](whole, random);
        const fault = compare(program);
        if (fault?.rule !== rule || fault.instruction !== instruction) {
          expect([fault, formatProgram(program, 'd')]).toEqual([{ rule, instruction, message: expect.anything() }]);
        }
        hit.set(rule, (hit.get(rule) ?? 0) + 1);
      }
      printFigures(seed, `${PROGRAMS} programs, ${valid} valid; ${[...hit].map((pair) => pair.join(' ')).join(', ')}`);
      expect(Math.min(...hit.values())).toBeGreaterThan(0);
    },
    120_000 * ROUNDS,
  );

  it(
    `agrees with the kernel on programs with random fields changed (BPFLEET_TEST_SEED=${seed})`,
    () => {
      const random = new Random(seed + 1);
      const count = { valid: 0, refused: 0 };
      const hit = new Map<CheckRule, number>();
      for (let round = 0; round < PROGRAMS; round++) {
        const program = [...randomValidProgram(random, { ancillary: true, length: 2 + random.below(40) })];
        for (let changes = random.of([0, 1, 1, 2, 4]); changes > 0; changes--) {
          const pc = random.below(program.length);
          const before = program[pc] as Program[number];
          const value = random.of([0, 1, 2, 16, 31, 32, random.below(256), random.below(2 ** 32)]);
          program[pc] = random.of([
            { ...before, code: value & 0xffff },
            { ...before, code: before.code ^ (1 << random.below(9)) },
            { ...before, jt: value & 0xff },
            { ...before, jf: value & 0xff },
            { ...before, k: value },
          ]);
        }
        const fault = compare(program);
        if (fault === undefined) count.valid++;
        else {
          count.refused++;
          hit.set(fault.rule, (hit.get(fault.rule) ?? 0) + 1);
        }
      }
      printFigures(
        seed,
        `${PROGRAMS} programs, ${count.valid} valid; ${[...hit].map((pair) => pair.join(' ')).join(', ')}`,
      );
      const { least, most } = shareWithin(count.valid / PROGRAMS, PROGRAMS);
      expect(most).toBeGreaterThan(0.3);
      expect(least).toBeLessThan(0.7);
    },
    120_000 * ROUNDS,
  );

  it('knows to the instruction how far a jump reaches once converted', () => {
    // 21 instructions for a far header length and 1 for the packet's length make any span.
    const far = statement(BPF.LDX | BPF.B | BPF.MSH, 40_000);
    const near = statement(BPF.LD | BPF.LEN);
    const rules = new Set<string | undefined>();
    for (let span = 32_760; span < 32_775; span++) {
      const loads = Math.floor(span / 21);
      const body = [...Array(loads).fill(far), ...Array(span - 21 * loads).fill(near)] as Instruction[];
      const program = [statement(BPF.JMP | BPF.JA, body.length), ...body, statement(BPF.RET | BPF.K, 1)];
      rules.add(compare(program)?.rule);
    }
    expect(rules).toEqual(new Set([undefined, 'jump-too-long']));
  });
});
