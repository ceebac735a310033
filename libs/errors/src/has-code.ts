import { BpfleetError, type ErrorCode } from './bpfleet-error.js';

/** Whether this is an error of ours with that code: what a caller asks who goes on in one case and passes on all others. */
export function hasCode<Code extends ErrorCode>(
  error: unknown,
  code: Code,
): error is BpfleetError & { readonly code: Code } {
  return error instanceof BpfleetError && error.code === code;
}
