import { interpret, interpretThreeValued, JUMP_IN_SET, jit, jitThreeValued, UNDECIDED } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { compile } from './compile.js';
import { compileWithSets } from './compile-with-sets.js';

/** Every second address of 10.0.0.0/15. */
const list = Array.from(
  { length: 0x1_0000 },
  (_, index) => `10.${index >> 15}.${(index >> 7) & 255}.${(2 * index) & 255}`,
);
const names = { sets: { list } };
const { program, sets } = compileWithSets('ip and not src host in {@list}', { names });

/** Ethernet and an IPv4 header from this address. */
function from(address: readonly number[], capturedLength = 34) {
  const bytes = new Uint8Array(34);
  bytes.set([8, 0, 0x45], 12);
  bytes.set(address, 26);
  return { bytes, start: 0, capturedLength, wireLength: 34 };
}

function answers(packet: ReturnType<typeof from>): number[] {
  const { bytes, start, capturedLength, wireLength } = packet;
  return [
    interpret(program, packet, sets),
    jit(program, sets)(bytes, start, capturedLength, wireLength),
    interpretThreeValued(program, packet, sets),
    jitThreeValued(program, sets)(bytes, start, capturedLength, wireLength),
  ];
}

describe('compileWithSets', () => {
  it('keeps a long list beside the program, which every machine looks in', () => {
    expect(program.length).toBeLessThan(10);
    expect(program.some(({ code }) => code === JUMP_IN_SET)).toBe(true);
    expect(sets).toHaveLength(1);
    expect(answers(from([10, 0, 7, 6]))).toEqual([0, 0, 0, 0]);
    expect(answers(from([10, 0, 7, 7]))).toEqual(Array(4).fill(262_144));
    expect(answers(from([10, 1, 255, 254]))).toEqual([0, 0, 0, 0]);
    expect(answers(from([10, 2, 0, 0]))).toEqual(Array(4).fill(262_144));
  });

  it('decides by what was captured of an address where that suffices', () => {
    const undecided = UNDECIDED;
    expect(answers(from([10, 0, 7, 6], 29))).toEqual([undecided, undecided, undecided, undecided]);
    // No address of the list begins so.
    expect(answers(from([11, 0, 7, 6], 27))).toEqual([undecided, undecided, 262_144, 262_144]);
  });

  it('makes the program of `compile` where there is no long list', () => {
    expect(compileWithSets('tcp dst port 80').program).toEqual(compile('tcp dst port 80').program);
    expect(compileWithSets('tcp dst port 80').sets).toEqual([]);
  });

  it('asks for one set once, on both sides', () => {
    expect(compileWithSets('ip host in {@list}', { names }).sets).toHaveLength(1);
  });
});
