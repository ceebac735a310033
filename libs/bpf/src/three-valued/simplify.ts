import { BPF } from '../opcodes.js';
import type { Term } from './terms.js';
import type { Value } from './value.js';

/** Operands that may change places: the older first, a number last. */
export function inOrder(operation: number, a: Term, operand: Term): readonly [Term, Term] {
  const isSymmetric =
    operation === BPF.ADD ||
    operation === BPF.MUL ||
    operation === BPF.AND ||
    operation === BPF.OR ||
    operation === BPF.XOR;
  if (!isSymmetric || operand.kind === 'numeral') return [a, operand];
  return a.kind === 'numeral' || a.id > operand.id ? [operand, a] : [a, operand];
}

/** Whether the operation makes of each such number the number itself. */
export function leaves(operation: number, a: Value, operand: number): boolean {
  switch (operation) {
    case BPF.AND:
      return ((~a.known | a.bits) & ~operand) === 0;
    case BPF.MOD:
      return a.high < operand;
    case BPF.MUL:
    case BPF.DIV:
      return operand === 1;
    case BPF.LSH:
    case BPF.RSH:
      return (operand & 31) === 0;
    case BPF.NEG:
      return false;
    default:
      return operand === 0;
  }
}
