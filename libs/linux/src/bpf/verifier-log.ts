/** Why a program did not load, and what to do about it. */
export interface VerifierReason {
  readonly message: string;
  readonly hint: string;
}

const GENERATED = 'our translation should never cause this: please report the program';
/** What the verifier writes (kernel/bpf/verifier.c), and what it means. The first that fits counts. */
const REASONS: readonly (readonly [pattern: RegExp, message: string, hint: string])[] = [
  [
    /sequence of \d+ jumps is too complex/,
    'more than 8,192 branches follow one another',
    'put the values in a map or a tree',
  ],
  [/BPF program is too large|program too large/i, 'checking it takes over a million steps', 'split the filter'],
  [/back-edge|infinite loop/, 'it contains a loop that may not end', 'unroll the loop'],
  [/unreachable insn/, 'it has instructions that nothing leads to', GENERATED],
  [
    /invalid (indirect )?(read|access) (from|to) stack|invalid stack|misaligned stack/,
    'it reads its stack where nothing is',
    GENERATED,
  ],
  [/R\d+ !read_ok/, 'it reads a register before anything is in it', GENERATED],
  [/R\d+ type=\S+ expected=/, 'a helper gets an argument of the wrong type', GENERATED],
  [/invalid bpf_context access/, 'it reads metadata that socket filters may not', 'compile for another attach point'],
  [
    /unknown func|helper call is not allowed|unknown opcode/,
    'this kernel lacks an instruction or helper it uses',
    'use target cbpf',
  ],
  [/jump out of range|last insn is not an exit/, 'it can run past its end', GENERATED],
];

/** Puts the kernel verifier's log in words; without a log the errno has to say it. */
export function explainVerifierLog(log: string, errno: string): VerifierReason {
  for (const [pattern, message, hint] of REASONS) if (pattern.test(log)) return { message, hint };
  if (log.trim() !== '') {
    const lines = log.trim().split('\n');
    const last = lines.findLast((line) => !/^(processed|verification time|stack depth)/.test(line)) ?? '';
    return { message: `the verifier says: ${last}`, hint: GENERATED };
  }
  switch (errno) {
    case 'EPERM':
      return { message: 'not permitted (EPERM)', hint: 'loading eBPF needs CAP_BPF or root; target cbpf does not' };
    case 'ENOMEM':
      return {
        message: 'no memory for it (ENOMEM)',
        hint: 'raise net.core.optmem_max, or use a map for the addresses',
      };
    case 'E2BIG':
      return { message: 'it has over a million instructions (E2BIG)', hint: 'put the values in a map' };
    default:
      return { message: `${errno}, without a log`, hint: 'does this kernel have CONFIG_BPF_SYSCALL?' };
  }
}
