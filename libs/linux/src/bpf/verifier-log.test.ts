import { describe, expect, it } from 'vitest';
import { explainVerifierLog } from './verifier-log.js';

/** Ends of logs, as kernels from 5.10 to 6.18 print them. */
const LOGS: readonly (readonly [log: string, message: RegExp])[] = [
  ['The sequence of 8193 jumps is too complex.\n', /more than 8,192 branches/],
  ['BPF program is too large. Processed 1000001 insn\n', /over a million steps/],
  ['back-edge from insn 4 to 1\n', /a loop/],
  ['unreachable insn 5\n', /nothing leads to/],
  ['0: (bf) r6 = r1\n1: (61) r0 = *(u32 *)(r10 -8)\ninvalid read from stack R10 off -8+0 size 4\n', /reads its stack/],
  ['invalid indirect read from stack R3 off -136+0 size 60\n', /reads its stack/],
  ['0: (95) exit\nR0 !read_ok\n', /before anything is in it/],
  ['R1 type=fp expected=ctx\n', /wrong type/],
  ['invalid bpf_context access off=76 size=4\n', /metadata that socket filters may not/],
  ['unknown func bpf_unheard_of#999\n', /kernel lacks/],
  ['jump out of range from insn 1 to 70000\n', /past its end/],
  ['something new\nprocessed 3 insns (limit 1000000) max_states_per_insn 0\n', /the verifier says: something new/],
];

describe('explainVerifierLog', () => {
  for (const [log, message] of LOGS) {
    it(`puts “${log.trim().split('\n').at(-1)}” in words`, () => {
      const reason = explainVerifierLog(log, 'EINVAL');
      expect(reason.message).toMatch(message);
      expect(reason.hint).not.toBe('');
    });
  }

  it.each([
    ['EPERM', /CAP_BPF/],
    ['ENOMEM', /optmem_max/],
    ['E2BIG', /map/],
    ['ENOSYS', /CONFIG_BPF_SYSCALL/],
  ])('says of %s without a log what to do', (errno, hint) => {
    expect(explainVerifierLog('', errno).hint).toMatch(hint);
  });
});
