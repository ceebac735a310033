import { BPF, interpret, jump, statement } from '@bpfleet/bpf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areDisjoint, calculated, decided, join, tested, type Value } from './value.js';

const OPERATIONS = [
  ...[BPF.ADD, BPF.SUB, BPF.MUL, BPF.DIV, BPF.MOD],
  ...[BPF.AND, BPF.OR, BPF.XOR, BPF.LSH, BPF.RSH, BPF.NEG],
];
const TESTS = [BPF.JEQ, BPF.JGT, BPF.JGE, BPF.JSET];
const empty = { bytes: new Uint8Array(0), start: 0, capturedLength: 0, wireLength: 0 };

const word = () =>
  fc.oneof(fc.nat(9), fc.constantFrom(0xffff_ffff, 0xffff_fff0, 0x8000_0000), fc.integer({ min: 0, max: 0xffff_ffff }));
/** A number and a value that has it. */
const held = () =>
  fc.tuple(word(), word(), word(), fc.array(word(), { maxLength: 3 })).map(([number, one, other, others]) => {
    const except = others.filter((each) => each !== number);
    return { number, value: { least: Math.min(number, one), most: Math.max(number, other), except } };
  });
const has = ({ least, most, except = [] }: Value, number: number) =>
  least <= number && number <= most && !except.includes(number);

/** What the machine makes of A and X. */
const machine = (a: number, x: number, code: number) =>
  interpret(
    [
      statement(BPF.LD | BPF.IMM, a),
      statement(BPF.LDX | BPF.IMM, x),
      ...((code & 0x07) === BPF.JMP
        ? [jump(code | BPF.X, 0, 1, 0), statement(BPF.RET, 0), statement(BPF.RET, 1)]
        : [statement(code | BPF.X), statement(BPF.RET | BPF.A)]),
    ],
    empty,
  );

describe('what is known of a word', () => {
  it('holds behind every operation', () => {
    fc.assert(
      fc.property(fc.constantFrom(...OPERATIONS), held(), held(), (operation, a, x) => {
        fc.pre((operation !== BPF.DIV && operation !== BPF.MOD) || (x.number > 0 && x.value.least > 0));
        const result = operation === BPF.NEG ? -a.number >>> 0 : machine(a.number, x.number, BPF.ALU | operation);
        expect(has(calculated(operation, a.value, x.value), result)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('decides a test only as the machine does, and holds on the way that the machine takes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TESTS), held(), word(), (test, { number, value }, k) => {
        const holds = machine(number, k, BPF.JMP | test) === 1;
        const answer = decided(test, value, k);
        if (answer === undefined) expect(has(tested(test, value, k, holds), number)).toBe(true);
        else expect(answer).toBe(holds);
      }),
      { numRuns: 3000 },
    );
  });

  it('holds where two ways join, and is not disjoint from itself', () => {
    fc.assert(
      fc.property(held(), held(), (one, other) => {
        expect(has(join(one.value, other.value), one.number)).toBe(true);
        expect(has(join(other.value, one.value), one.number)).toBe(true);
        if (has(other.value, one.number)) expect(areDisjoint(one.value, other.value)).toBe(false);
      }),
    );
  });
});
