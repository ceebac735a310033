import { checkProgram, fromTuples, type Program, type Tuple } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type CompileOptions, compile, compileEbpf, compileWithSets } from '@bpfleet/pcap-filter';
import { compileOptionsOf, type MatchRequest } from '../batch/requests.js';
import type { Backend } from '../language/backends.js';
import type { Runnable } from './machines.js';

/** Filters may be longer than a classic program, but for the kernel's classic machine. */
export function compileFor(backend: Backend, expression: string, options: CompileOptions): Runnable {
  switch (backend) {
    case 'kernel':
      return compile(expression, options);
    case 'ebpf':
      return compileEbpf(expression, options);
    default:
      return compileWithSets(expression, options);
  }
}

/** The request's program, or its expression compiled. @throws BpfleetError where neither or both are given */
export function runnableOf(request: MatchRequest, machine: Parameters<typeof compileOptionsOf>[1]): Runnable {
  if ((request.expr === undefined) === (request.program === undefined)) {
    throw new BpfleetError('REQUEST_INVALID', 'give either expr or program');
  }
  if (request.program !== undefined) return { program: classicProgram(request.program) };
  return compileFor(request.backend, request.expr ?? '', compileOptionsOf(request, machine));
}

/** On every machine by the kernel's rules: a program that somebody else made is meant for it. */
function classicProgram(tuples: readonly Tuple[]): Program {
  const program = fromTuples(tuples);
  const fault = checkProgram(program);
  if (fault === undefined) return program;
  throw new BpfleetError('PROGRAM_INVALID', `instruction ${fault.instruction}: ${fault.message} (${fault.rule})`);
}
