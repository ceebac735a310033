import { BpfleetError } from '@bpfleet/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../forms/assemble.js';
import type { EbpfProgram } from '../instruction.js';
import { toEbpf, translateToEbpf } from '../to-ebpf.js';
import { assembleEbpf } from './assemble.js';
import { formatEbpf } from './format.js';

const instruction = fc.record({
  code: fc.integer({ min: 0, max: 0xff }),
  dst: fc.integer({ min: 0, max: 10 }),
  src: fc.integer({ min: 0, max: 10 }),
  off: fc.oneof(fc.constant(0), fc.integer({ min: -0x8000, max: 0x7fff })),
  imm: fc.oneof(fc.constant(0), fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })),
});

describe('eBPF as text', () => {
  it('says what the verifier would say', () => {
    const program = toEbpf(assemble('ldb [9]\njeq #6, yes, no\nyes: ret #96\nno: ret #0'));
    expect(formatEbpf(program).split('\n')).toEqual([
      '   0: r6 = r1',
      '   1: w7 = 0',
      '   2: w8 = 0',
      '   3: w2 = 9',
      '   4: r1 = r6',
      '   5: r3 = r10',
      '   6: r3 += -72',
      '   7: w4 = 1',
      '   8: call bpf_skb_load_bytes#26',
      '   9: if w0 != 0x0 goto pc+6',
      '  10: r7 = *(u8 *)(r10 -72)',
      '  11: if w7 != 0x6 goto pc+2',
      '  12: w0 = 96',
      '  13: exit',
      '  14: w0 = 0',
      '  15: exit',
      '  16: w0 = 0',
      '  17: exit',
    ]);
  });

  it('is read back as it was, whatever the instructions', () => {
    fc.assert(
      fc.property(fc.array(instruction, { minLength: 1 }), (program: EbpfProgram) => {
        expect(assembleEbpf(formatEbpf(program))).toEqual(program);
      }),
      { numRuns: 2000 },
    );
  });

  it('names maps by their place', () => {
    const { program } = translateToEbpf(assemble('ret #1'), { counters: true });
    expect(formatEbpf(program)).toContain('r1 = map[0] ll');
    expect(formatEbpf(program)).toContain('lock *(u64 *)(r0 +0) += r1');
    expect(assembleEbpf(formatEbpf(program))).toEqual(program);
  });

  it('may have comments, and no numbers', () => {
    expect(assembleEbpf('w0 = 0xffffffff ; all of it\n\nexit')).toEqual([
      { code: 0xb4, dst: 0, src: 0, off: 0, imm: -1 },
      { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
    ]);
  });

  for (const line of ['r0 = ', 'r16 = 1', 'goto pc+40000', 'w0 = r1', 'if r1 ? 2 goto pc+1', 'w0 = 4294967296']) {
    it(`refuses “${line}” and says where`, () => {
      const error = refusalOf(`exit\n  ${line}`);
      expect(error.code).toBe('PROGRAM_INVALID');
      expect(error.span).toEqual({ start: 7, end: 7 + line.trim().length });
    });
  }
});

function refusalOf(text: string): BpfleetError {
  try {
    assembleEbpf(text);
  } catch (error) {
    if (error instanceof BpfleetError) return error;
  }
  throw new Error('it was read');
}
