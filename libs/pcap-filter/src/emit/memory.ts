import { MEMORY_WORDS } from '@bpfleet/bpf';
import { tooLargeFault } from '../fault.js';

/** @throws BpfleetError `FILTER_TOO_LARGE` when a program would need more than the words of M[] */
export function checkMemory(words: number): void {
  if (words <= MEMORY_WORDS) return;
  throw tooLargeFault(
    `the filter keeps more numbers at once than a program has words of memory (${MEMORY_WORDS}): places behind tunnels, and what calculations put by`,
    'use fewer geneve, vxlan or protochain in one filter, or simpler calculations',
  );
}
