import type { Ir, Value } from './ir.js';

/** The slots that any condition reads. */
export function slotsReadBy(ir: Ir, into: Set<number> = new Set()): Set<number> {
  switch (ir.kind) {
    case 'leaf':
      if (ir.leaf.kind === 'compare') {
        addSlots(ir.leaf.left, into);
        addSlots(ir.leaf.right, into);
      } else if (ir.leaf.kind !== 'always') {
        addSlots(ir.leaf.value, into);
      }
      break;
    case 'not':
      slotsReadBy(ir.operand, into);
      break;
    case 'chain':
      slotsReadBy(ir.first, into);
      for (const { operand } of ir.rest) slotsReadBy(operand, into);
  }
  return into;
}

function addSlots(value: Value, into: Set<number>): void {
  switch (value.kind) {
    case 'slot':
      into.add(value.slot);
      break;
    case 'load':
      if (value.base !== undefined) addSlots(value.base, into);
      break;
    case 'negate':
      addSlots(value.operand, into);
      break;
    case 'binary':
      addSlots(value.left, into);
      addSlots(value.right, into);
  }
}
