/** Why a program is no expression. */
export type RefusalId =
  | 'PROGRAM_INVALID'
  | 'METADATA'
  | 'HEADER_OFFSET'
  | 'CALCULATION_TOO_LONG'
  | 'TOO_MANY_WAYS'
  | 'TOO_LARGE';

/** What of a program the filter language cannot say, and at which instruction. */
export interface Refusal {
  readonly id: RefusalId;
  /** Undefined: it is the whole program. */
  readonly instruction?: number;
  readonly reason: string;
}

/** Leaves the decompiler from wherever it finds out; `decompile` answers with the refusal. */
export class CannotSay extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.reason);
  }
}

export function refuse(id: RefusalId, instruction: number | undefined, reason: string): never {
  throw new CannotSay({ id, reason, ...(instruction !== undefined && { instruction }) });
}
