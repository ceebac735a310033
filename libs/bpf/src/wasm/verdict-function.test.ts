import { describe, expect, it } from 'vitest';
import { randomValidProgram } from '../../../../tests/conformance/machines/random-program.js';
import { Random, seedOfRun } from '../../../../tests/conformance/random.js';
import { formatProgram } from '../forms/format.js';
import { jump, type Program, statement } from '../instruction.js';
import { Ancillary, BPF, SKF_AD_OFF } from '../opcodes.js';
import { interpret, UNDECIDED } from '../run/interpret.js';
import { JUMP_IN_SET } from '../set-test.js';
import { wasmModule } from './binary.js';
import { VERDICT, verdictFunction } from './verdict-function.js';
import { webAssembly } from './web-assembly.js';

const seed = seedOfRun();
const memory = new webAssembly.Memory({ initial: 1, maximum: 1 });
const bytes = new Uint8Array(memory.buffer);

type Judge = (packet: number, captured: number, wire: number) => number;

function judgeOf(program: Program): Judge | undefined {
  const made = verdictFunction(program);
  if (made === undefined) return undefined;
  const module = new webAssembly.Module(wasmModule('judge', made));
  const { exports } = new webAssembly.Instance(module, { host: { memory } });
  return (exports as { readonly judge: Judge }).judge;
}

const asVerdict = (value: number): number =>
  value === UNDECIDED ? VERDICT.ask : value === 0 ? VERDICT.no : VERDICT.yes;
const isIndirect = ({ code }: Program[number]): boolean => (code & 0xe7) === (BPF.LD | BPF.IND);

describe(`verdictFunction (BPFLEET_TEST_SEED=${seed})`, () => {
  it('says what the interpreter says of whole and cut packets anywhere in memory, and asks where that is undecided', () => {
    const random = new Random(seed);
    let asked = 0;
    let found = 0;
    for (let round = 0; round < 3000; round++) {
      const program = randomValidProgram(random, { ancillary: false });
      const judge = judgeOf(program);
      if (judge === undefined) continue;
      for (let index = 0; index < 6; index++) {
        const start = random.below(5);
        const wireLength = random.below(random.of([20, 200, 1600]));
        const capturedLength = random.chance(60) ? wireLength : random.below(wireLength + 1);
        for (let at = 0; at < start + wireLength + 3; at++) bytes[at] = random.below(256);
        const expected = asVerdict(interpret(program, { bytes, start, capturedLength, wireLength }));
        const verdict = judge(start, capturedLength, wireLength);
        found++;
        if (verdict === expected) continue;
        // What an offset behind 2^31 means is left to others.
        if (verdict === VERDICT.ask && program.some(isIndirect)) asked++;
        else expect([verdict, formatProgram(program, 'd')]).toEqual([expected]);
      }
    }
    expect(found).toBeGreaterThan(5000);
    expect(asked / found).toBeLessThan(0.2);
  });

  it('begins anew with each packet', () => {
    const once = [
      statement(BPF.LD | BPF.MEM, 3),
      jump(BPF.JMP | BPF.JEQ, 0, 0, 3),
      statement(BPF.LD | BPF.IMM, 1),
      statement(BPF.ST, 3),
      statement(BPF.RET | BPF.K, 1),
      statement(BPF.RET | BPF.K, 0),
    ];
    const judge = judgeOf(once)!;
    expect([judge(0, 4, 4), judge(0, 4, 4)]).toEqual([VERDICT.yes, VERDICT.yes]);
  });

  it('finds each of many constants in a row, and nothing beside them', () => {
    const random = new Random(seed);
    const addresses = Array.from({ length: 200 }, () => random.below(2 ** 32));
    const program = [
      statement(BPF.LD | BPF.W | BPF.ABS, 0),
      ...addresses.map((address, index) =>
        jump(BPF.JMP | BPF.JEQ, address, Math.min(addresses.length - index, 255), 0),
      ),
      statement(BPF.RET | BPF.K, 0),
      statement(BPF.RET | BPF.K, 1),
    ];
    const judge = judgeOf(program)!;
    const view = new DataView(memory.buffer);
    for (const address of addresses) {
      for (const value of [address - 1, address, address + 1]) {
        view.setUint32(0, value);
        const packet = { bytes, start: 0, capturedLength: 4, wireLength: 4 };
        expect(judge(0, 4, 4)).toBe(asVerdict(interpret(program, packet)));
      }
    }
  });

  it('is not made of what asks beside the packet, in sets, or is deeper than others take', () => {
    const last = statement(BPF.RET | BPF.K, 1);
    expect(judgeOf([statement(BPF.LD | BPF.W | BPF.ABS, SKF_AD_OFF + Ancillary.PROTOCOL), last])).toBeUndefined();
    expect(judgeOf([jump(JUMP_IN_SET, 0, 0, 0), last])).toBeUndefined();
    const tests = Array.from({ length: 2000 }, (_, index) =>
      jump(BPF.JMP | BPF.JSET, index + 1, index % 2, 1 - (index % 2)),
    );
    expect(judgeOf([...tests.flatMap((test) => [test, last]), last, last])).toBeUndefined();
  });
});
