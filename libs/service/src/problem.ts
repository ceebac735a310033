import { STATUS_CODES } from 'node:http';
import type { Problem } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import type { z } from 'zod';
import { httpStatusOf } from './http-status.js';

export interface FieldError {
  /** `filters.0.version`; empty for the request as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A request that does not fit its schema, with each field that is wrong. */
export class RequestInvalid extends BpfleetError {
  constructor(readonly errors: readonly FieldError[]) {
    super(
      'REQUEST_INVALID',
      errors.length === 1 ? 'the request is not valid' : `the request has ${errors.length} mistakes`,
    );
  }

  /** @param part where the value came from, told when it is not the body: `query` */
  static fromIssues(issues: readonly Pick<z.core.$ZodIssue, 'path' | 'message'>[], part?: string): RequestInvalid {
    return new RequestInvalid(
      issues.map(({ path, message }) => ({ path: [...(part ? [part] : []), ...path].join('.'), message })),
    );
  }
}

/**
 * An error as RFC 9457 problem details. Anything but a BpfleetError is a defect: the caller learns that it happened,
 * and the log why.
 */
export function toProblem(error: unknown, status?: number): Problem {
  if (!(error instanceof BpfleetError)) {
    return problem(500, { code: 'INTERNAL', detail: 'an unexpected error; the service has logged it' });
  }
  return problem(status ?? httpStatusOf[error.code], {
    code: error.code,
    detail: error.message,
    ...(error.hint ? { hint: error.hint } : {}),
    ...(error.span ? { span: error.span } : {}),
    ...(error instanceof RequestInvalid ? { errors: [...error.errors] } : {}),
  });
}

function problem(status: number, rest: Omit<Problem, 'type' | 'title' | 'status'>): Problem {
  // "about:blank": the status says the kind (RFC 9457, 4.2.1); programs match on `code`.
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, ...rest };
}
