import { BPF, encodeProgram, type Instruction, statement } from '@bpfleet/bpf';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { suiteRequires } from '../../../../tests/environment/src/requirements.js';
import { SystemCallError } from '../calls/system-call-error.js';
import { KernelVerdicts } from './kernel-verdicts.js';

const returns = (k: number) => statement(BPF.RET | BPF.K, k);
const encoded = (...program: Instruction[]) => encodeProgram(program);
const linux = process.platform === 'linux' ? {} : { unavailable: 'not Linux' };

suiteRequires('verdicts of this kernel', { linux }, () => {
  let kernel: KernelVerdicts;
  beforeEach(() => {
    kernel = KernelVerdicts.open();
  });
  afterEach(() => kernel.close());

  it('are how much of the packet the program keeps', () => {
    const packet = new Uint8Array(100);
    for (const [value, kept] of [
      [0, 0],
      [1, 1],
      [99, 99],
      [100, 100],
      [0xffff_ffff, 100],
    ] as const) {
      kernel.attach(encoded(returns(value)));
      expect(kernel.verdict(packet)).toBe(kept);
    }
  });

  it('start at offset 0, for any length from 1 to 64 KiB', () => {
    kernel.attach(encoded(statement(BPF.LD | BPF.B | BPF.ABS, 0), statement(BPF.RET | BPF.A)));
    expect(kernel.verdict(Uint8Array.of(1))).toBe(1);
    expect(kernel.verdict(new Uint8Array(65_536).fill(255))).toBe(255);
    expect(() => kernel.verdict(new Uint8Array(0))).toThrow(RangeError);
  });

  it('accept everything where nothing is attached, also after a refusal', () => {
    expect(kernel.verdict(new Uint8Array(7))).toBe(7);
    kernel.attach(encoded(returns(0)));
    expect(() => kernel.attach(encoded(statement(BPF.RET | BPF.X)))).toThrowError(
      expect.objectContaining({ errno: 'EINVAL' }),
    );
    expect(kernel.verdict(new Uint8Array(7))).toBe(7);
  });

  it('are refused for what is no eBPF program', () => {
    expect(() => kernel.attachEbpf(-1)).toThrow(SystemCallError);
    kernel.close();
    kernel.close();
  });
});
