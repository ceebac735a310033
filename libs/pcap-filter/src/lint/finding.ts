/** Something in a program that is probably not what its author meant. */
export interface Finding {
  readonly id: FindingId;
  readonly instruction: number;
  readonly message: string;
  readonly hint?: string;
}

export const findingIds = [
  'WRONG_FIELD',
  'UNGUARDED_FRAGMENT',
  'UNGUARDED_HEADER_LENGTH',
  'MISSING_ETHERTYPE',
  'JUMP_LANDS',
  'ALWAYS_SAME_WAY',
  'DEAD_CODE',
  'NEVER_TRUE',
  'DECIDED_BEFORE',
  'SNAPLEN_SMALL',
] as const;
export type FindingId = (typeof findingIds)[number];

/** Takes down a finding, once for each instruction. */
export type Note = (id: FindingId, instruction: number, message: string, hint?: string) => void;
