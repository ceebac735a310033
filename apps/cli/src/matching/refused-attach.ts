import { BpfleetError } from '@bpfleet/errors';

/**
 * What a refusal to put a program on a socket means: `sk_filter_charge` counts eight bytes for each of its instructions.
 * @param instructions of eBPF: what the kernel runs
 */
export async function refusedAttach(error: unknown, instructions: number): Promise<unknown> {
  const { optmemMax, SystemCallError } = await import('@bpfleet/linux');
  if (!(error instanceof SystemCallError) || error.errno !== 'ENOMEM') return error;
  const most = optmemMax();
  const now = most === undefined ? '' : `, which is ${most} here`;
  return new BpfleetError(
    'ATTACH_REFUSED',
    `the kernel has no room for the filter on a socket (ENOMEM): its ${instructions} instructions of eBPF take ${8 * instructions} bytes of net.core.optmem_max${now}`,
    { cause: error, hint: 'raise net.core.optmem_max, shorten the filter, or take the backend js' },
  );
}
