import { type Logic, leafOf } from '../../logic.js';
import { ALL_BITS, type Comparison, type Condition, type Field, type Ir, type Load } from './ir.js';

/** A load at a fixed offset of the packet. */
export function at(offset: number, size: Load['size']): Load {
  return { kind: 'load', size, base: { kind: 'packet' }, offset };
}

/** A load behind an IPv4 header with options. */
export function behindIpv4(header: number, offset: number, size: Load['size']): Load {
  return { kind: 'load', size, base: { kind: 'ipv4-payload', at: header }, offset };
}

export function test(field: Field, comparison: Comparison, operand: number, mask = ALL_BITS): Logic<Condition> {
  return leafOf({ kind: 'test', field, mask, comparison, operand });
}

export function equals(field: Field, operand: number, mask = ALL_BITS): Logic<Condition> {
  return test(field, 'eq', operand, mask);
}

export function not(operand: Ir): Ir {
  return { kind: 'not', operand };
}
