import { BPF, checkProgram, interpret, type Packet, type Program, statement } from '@bpfleet/bpf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../compile.js';
import { byInterface } from './by-interface.js';
import { link } from './link.js';

const keep = (k: number): Program => [statement(BPF.RET | BPF.K, k)];
const seenOn = (interfaceIndex: number, packetType = 0, bytes = new Uint8Array(60)): Packet => ({
  ...{ bytes, start: 0, capturedLength: bytes.length, wireLength: bytes.length },
  metadata: { interfaceIndex, packetType, protocol: 0, vlanTagPresent: false, vlanTci: 0, vlanProtocol: 0 },
});
const linked = (...expressions: readonly string[]): Program =>
  link({
    ...{ linkerVersion: 1, linkType: 'EN10MB', excluded: [], target: 'cbpf' },
    members: expressions.map((expression, index) => ({
      ...{ digest: `0${index}`, snaplenBytes: 96, program: compile(expression, { live: true }).program },
    })),
  }).program;

describe('byInterface', () => {
  it('judges each packet as the program of its interface does, and refuses it on all others', () => {
    const programs = [keep(7), linked('udp', 'ip[8] < 5'), linked('vlan 3', 'tcp[4:4] & 3 = 1'), keep(0)];
    const anyBranches = fc
      .uniqueArray(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 0x7fff_ffff })), {
        maxLength: 60,
      })
      .chain((indexes) => fc.tuple(fc.constant(indexes), fc.array(fc.nat(programs.length - 1), { minLength: 60 })));
    const anyFrame = fc.uint8Array({ minLength: 14, maxLength: 60 }).map((bytes) => {
      bytes.set([8, 0], 12);
      return bytes;
    });
    fc.assert(
      fc.property(anyBranches, anyFrame, fc.nat(50), ([indexes, kinds], bytes, near) => {
        const branches = programs.map((program, kind) => ({
          program,
          interfaces: indexes.filter((_, at) => kinds[at] === kind),
        }));
        const whole = byInterface(branches);
        expect(checkProgram(whole)).toBeUndefined();
        for (const index of [...indexes, near, 0, 0xffff_ffff, ...indexes.map((one) => one + 1)]) {
          const own = branches.find(({ interfaces }) => interfaces.includes(index))?.program ?? keep(0);
          expect(interpret(whole, seenOn(index, 0, bytes))).toBe(interpret(own, seenOn(index, 0, bytes)));
        }
      }),
    );
  });

  it('begins each program with A = 0, as the kernel does', () => {
    const returnsA = [statement(BPF.ALU | BPF.ADD | BPF.K, 5), statement(BPF.RET | BPF.A)];
    expect(interpret(byInterface([{ interfaces: [3], program: returnsA }]), seenOn(3))).toBe(5);
  });

  it('leaves out what loopback shows going out, and only there', () => {
    const branches = [{ interfaces: [1, 2], program: keep(9) }];
    const verdicts = (loopback?: number) =>
      [1, 2].flatMap((index) => [0, 4].map((type) => interpret(byInterface(branches, loopback), seenOn(index, type))));
    expect(verdicts(1)).toEqual([9, 0, 9, 9]);
    expect(verdicts()).toEqual([9, 9, 9, 9]);
    expect(verdicts(7)).toEqual([9, 9, 9, 9]);
  });

  it('does not depend on the order of branches and interfaces', () => {
    const one = { interfaces: [2, 9, 4], program: linked('tcp') };
    const other = { interfaces: [3], program: linked('udp') };
    const turned = { ...one, interfaces: [9, 4, 2] };
    expect(byInterface([one, other], 3)).toEqual(byInterface([other, turned], 3));
  });

  it('searches by halves: sixty interfaces in a row cost two questions, thirty scattered ones six', () => {
    const questions = (indexes: readonly number[]) => {
      const program = byInterface([{ interfaces: indexes, program: keep(1) }]);
      let most = 0;
      const go = (at: number, asked: number): void => {
        const { code, k, jt, jf } = program[at]!;
        if (code === (BPF.JMP | BPF.JA)) go(at + 1 + k, asked);
        else if ((code & 7) === BPF.JMP) for (const skip of [jt, jf]) go(at + 1 + skip, asked + 1);
        else if ((code & 7) === BPF.RET) most = Math.max(most, asked);
        else go(at + 1, asked);
      };
      go(0, 0);
      return most;
    };
    expect(questions(Array.from({ length: 60 }, (_, index) => 10 + index))).toBe(2);
    expect(questions(Array.from({ length: 30 }, (_, index) => 10 + 2 * index))).toBeLessThanOrEqual(6);
  });

  it('refuses one interface in two branches, and what the kernel would not take', () => {
    const twice = [
      { interfaces: [1, 2], program: keep(1) },
      { interfaces: [2], program: keep(2) },
    ];
    expect(() => byInterface(twice)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
    const long: Program = [...Array.from({ length: 1500 }, () => statement(BPF.LD | BPF.IMM, 1)), ...keep(1)];
    const many = [1, 2, 3].map((index) => ({ interfaces: [index], program: long }));
    expect(() => byInterface(many)).toThrow(expect.objectContaining({ code: 'FILTER_TOO_LARGE' }));
    expect(() => byInterface(many.slice(0, 2))).not.toThrow();
  });
});
