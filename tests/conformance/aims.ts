import type { Compilation } from '@bpfleet/pcap-filter';
import type { Aim } from './packets.js';

type Ir = Compilation['stages']['ir'];

/** Every comparison in a filter, once. */
export function aimsOf(ir: Ir): Aim[] {
  const aims = new Map<string, Aim>();
  collect(ir, (aim) => void aims.set(JSON.stringify(aim), aim));
  return [...aims.values()];
}

function collect(part: Ir, found: (aim: Aim) => void): void {
  if (part.kind === 'not') {
    collect(part.operand, found);
    return;
  }
  if (part.kind === 'chain') {
    for (const operand of [part.first, ...part.rest.map((link) => link.operand)]) collect(operand, found);
    return;
  }
  if (part.leaf.kind !== 'test' || part.leaf.value.kind !== 'load') return;
  const { value, mask, within } = part.leaf;
  const base = value.base === undefined ? 'packet' : 'ipv4-payload';
  found({ base, offset: value.offset, size: value.size, mask, operand: within[0] ?? 0 });
}
