import { BPF, jump, type Program, statement } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { Assembly } from './assembly.js';

const [YES, NO] = [-1, -2];
const accept = statement(BPF.RET | BPF.K, 1);
const reject = statement(BPF.RET | BPF.K, 0);
const load = statement(BPF.LD | BPF.H | BPF.ABS, 12);
const test = (jt: number, jf: number) => jump(BPF.JMP | BPF.JEQ | BPF.K, 7, jt, jf);
const condition = test(0, 0);
const go = (skip: number) => statement(BPF.JMP | BPF.JA, skip);

/** A test to `yes` or to `no`, loads, node 1 (a load), `ret #1`, `ret #0`. */
function assembled(loads: number, yes: number, no: number): Program {
  const assembly = new Assembly();
  assembly.place(NO, [reject]);
  assembly.place(YES, [accept]);
  assembly.place(1, [load]);
  assembly.place(2, Array(loads).fill(load));
  assembly.branch(yes, no, condition);
  return assembly.finish();
}

describe('Assembly', () => {
  it('jumps over 255 instructions at once', () => {
    expect(assembled(253, YES, NO)[0]).toEqual(test(254, 255));
  });
  it('puts a ja behind the jump for a return that is further away, never a second return', () => {
    const program = assembled(254, YES, NO);
    // `ret #0` is out of reach; the stub for it moves `ret #1` out of reach too.
    expect(program.slice(0, 4)).toEqual([test(0, 1), go(256), go(256), load]);
    expect(program).toHaveLength(3 + 254 + 3);
  });
  it('puts a ja behind the jump for code that is further away', () => {
    const program = assembled(300, 1, 2);
    expect(program.slice(0, 3)).toEqual([test(0, 1), go(300), load]);
    expect(program[2 + 300]).toEqual(load);
  });
  it('uses a stub again', () => {
    const assembly = new Assembly();
    assembly.place(NO, [reject]);
    assembly.place(2, Array(300).fill(load));
    assembly.branch(NO, 2, condition);
    assembly.place(1, []);
    assembly.branch(NO, 1, condition);
    expect(assembly.finish().slice(0, 4)).toEqual([test(1, 0), test(0, 1), go(300), load]);
  });
  it('falls through where both ways are the next instruction, and jumps where they are not', () => {
    expect(assembled(0, 2, 2)).toEqual([load, accept, reject]);
    expect(assembled(3, 1, 1).slice(0, 2)).toEqual([go(3), load]);
    expect(assembled(3, NO, NO).slice(0, 2)).toEqual([go(5), load]);
  });
});
