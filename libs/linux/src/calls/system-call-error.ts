import { getSystemErrorMap } from 'node:util';
import { BpfleetError, type BpfleetErrorOptions } from '@bpfleet/errors';

/** A system call that failed. `errno` is the kernel's name (`EPERM`), so that callers never compare numbers. */
export class SystemCallError extends BpfleetError {
  readonly errno: string;

  constructor(
    readonly call: string,
    errorNumber: number,
    options: BpfleetErrorOptions = {},
  ) {
    const [name, text] = describe(errorNumber);
    super('SYSTEM_CALL', `${call} failed: ${name}${text === '' ? '' : `, ${text}`}`, options);
    this.errno = name;
  }
}

/** Name and text of an errno; numbers that libuv has no name for (kernel-internal ones leak: 524) stay numbers. */
function describe(errorNumber: number): [name: string, text: string] {
  return getSystemErrorMap().get(-errorNumber) ?? [`errno ${errorNumber}`, ''];
}
