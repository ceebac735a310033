import type { Section } from '@bpfleet/section';

/** Member of a section's ledger: packets the agent's kernel dropped since its epoch began, over all its sockets. */
const KERNEL_DROPPED = 'kernel-dropped';

/** How many packets the kernel had dropped when the section was closed, or undefined when it does not tell. */
export function droppedSinceEpoch({ ledger }: Pick<Section, 'ledger'>): number | undefined {
  const text = ledger?.[KERNEL_DROPPED];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
