export const checkRules = [
  'program-length',
  'unknown-opcode',
  'division-by-zero',
  'shift-too-far',
  'memory-index',
  'jump-target',
  'branch-target',
  'ancillary-unknown',
  'last-instruction',
  'memory-uninitialised',
  'jump-too-long',
] as const;
export type CheckRule = (typeof checkRules)[number];

/** The rule of the kernel's checker that a program breaks, and the instruction that breaks it. */
export interface CheckFault {
  readonly rule: CheckRule;
  readonly instruction: number;
  readonly message: string;
}
