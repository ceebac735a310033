import {
  Ancillary,
  BPF,
  convertedLength,
  encodeProgram,
  formatProgram,
  jump,
  type Program,
  SKF_AD_OFF,
  SKF_NET_OFF,
  statement,
} from '@bpfleet/bpf';
import { KernelVerdicts } from '@bpfleet/linux';
import { afterAll, expect, it } from 'vitest';
import { suiteRequires } from '../../environment/src/requirements.js';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';
import { randomValidProgram } from './random-program.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const PROGRAMS = 500 * ROUNDS;
const linux = process.platform === 'linux' ? { kernel: KernelVerdicts.open() } : { unavailable: 'not Linux' };

const end = statement(BPF.RET | BPF.K, 1);
const absolute = (size: number, k: number): Program => [statement(BPF.LD | size | BPF.ABS, k), end];

suiteRequires('the cost model', { linux }, ({ linux: { kernel } }) => {
  const seed = seedOfRun();
  afterAll(() => kernel.close());

  /** Option memory per instruction of eBPF, less the header of `struct bpf_prog`. */
  const measured = (program: Program): number => {
    kernel.attach(encodeProgram(program));
    return kernel.optionMemoryBytes() / 8;
  };
  const headerWords = measured([end]) - convertedLength([end]);

  it(`is exact for random programs (BPFLEET_TEST_SEED=${seed})`, () => {
    const random = new Random(seed);
    const codes = new Set<number>();
    let longest = 0;
    for (let round = 0; round < PROGRAMS; round++) {
      const program = randomValidProgram(random, { ancillary: true });
      const expected = convertedLength(program);
      const found = measured(program) - headerWords;
      if (found !== expected) expect([found, formatProgram(program, 'd')]).toEqual([expected]);
      for (const { code } of program) codes.add(code);
      longest = Math.max(longest, expected);
    }
    printFigures(
      seed,
      `exact for ${PROGRAMS} programs with ${codes.size} of 49 opcodes, up to ${longest} converted ` +
        `instructions; header ${headerWords * 8} bytes`,
    );
    expect(codes.size).toBe(49);
  });

  it.each<[string, Program]>([
    ...Object.entries(Ancillary).map(([name, offset]): [string, Program] => [
      name,
      absolute(BPF.W, SKF_AD_OFF + offset),
    ]),
    ['a load relative to the network header', absolute(BPF.H, SKF_NET_OFF)],
    ['a load at the last offset an instruction has room for', absolute(BPF.W, 32_767)],
    ['a load behind it', absolute(BPF.B, 32_768)],
    ['a header length far behind', [statement(BPF.LDX | BPF.B | BPF.MSH, 40_000), end]],
    ['jset with one way on, either way', [jump(BPF.JMP | BPF.JSET, 1, 0, 1), end, end]],
    ['jset of the top bit', [jump(BPF.JMP | BPF.JSET, 0x8000_0000, 1, 0), end, end]],
    ['jgt with a large constant and two ways on', [jump(BPF.JMP | BPF.JGT, 0xffff_ffff, 1, 2), end, end, end]],
    ['a program that loads nothing', [statement(BPF.ALU | BPF.NEG), statement(BPF.RET | BPF.A)]],
    ['a remainder by X', [statement(BPF.ALU | BPF.MOD | BPF.X), end]],
  ])('is exact for %s', (_, program) => {
    expect(measured(program) - headerWords).toBe(convertedLength(program));
  });
});
