import { fromTuples, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { compileOptionsOf, type MatchRequest } from '../batch/requests.js';

/** The request's program, or its expression compiled. @throws BpfleetError where neither or both are given */
export async function programOf(
  request: MatchRequest,
  machine: Parameters<typeof compileOptionsOf>[1],
): Promise<Program> {
  if ((request.expr === undefined) === (request.program === undefined)) {
    throw new BpfleetError('REQUEST_INVALID', 'give either expr or program');
  }
  if (request.program !== undefined) return fromTuples(request.program);
  const { compile } = await import('@bpfleet/pcap-filter');
  return compile(request.expr ?? '', compileOptionsOf(request, machine)).program;
}
