import { describe, expect, it } from 'vitest';
import { at, behind, binary, constant, type Value } from '../ir/ir.js';
import { ValueTable } from './values.js';

const slot = (number: number): Value => ({ kind: 'slot', slot: number });
const table = new ValueTable();

describe('ValueTable', () => {
  it('gives equal values one entry', () => {
    const make = () => binary('+', behind(at(14, 1), 2, 1), slot(1));
    expect(table.number(make())).toBe(table.number(make()));
  });
  it.each<[string, Value, Value]>([
    ['size', at(3, 1), at(3, 2)],
    ['offset', at(3, 1), at(4, 1)],
    ['base', behind(slot(0), 3, 1), behind(slot(1), 3, 1)],
    ['base or none', behind(slot(0), 3, 1), at(3, 1)],
    ['operator', binary('+', slot(0), slot(1)), binary('-', slot(0), slot(1))],
    ['order', binary('-', slot(0), slot(1)), binary('-', slot(1), slot(0))],
    ['number or slot', constant(1), slot(1)],
    ['sign', at(3, 1), { kind: 'negate', operand: at(3, 1) }],
    ['metadata', { kind: 'metadata', name: 'vlanTci' }, { kind: 'metadata', name: 'vlanProtocol' }],
  ])('tells values apart by their %s', (_, one, other) => {
    expect(table.number(one).id).not.toBe(table.number(other).id);
  });

  it.each<[string, Value, number]>([
    ['a byte', at(3, 1), 0xff],
    ['two', at(3, 2), 0xffff],
    ['four', at(3, 4), 0xffff_ffff],
    ['a constant', constant(9), 9],
    ['what is masked', binary('&', at(3, 4), constant(0x1f)), 0x1f],
    ['what is masked by a field', binary('&', constant(0x1f), at(3, 4)), 0xffff_ffff],
    ['a sum', binary('+', at(3, 1), at(4, 1)), 0xffff_ffff],
  ])('knows the largest number of %s', (_, value, largest) => {
    expect(table.number(value).largest).toBe(largest);
  });

  it.each<[string, Value, number]>([
    ['a load at a fixed place', at(12, 2), 14],
    ['a load behind a value', behind(slot(0), 12, 2), Number.POSITIVE_INFINITY],
    ['a division', binary('/', at(0, 1), at(1, 1)), Number.POSITIVE_INFINITY],
    ['a division by what is never 0', binary('/', at(0, 1), constant(2)), 0],
    ['the interface index', { kind: 'metadata', name: 'interfaceIndex' }, Number.POSITIVE_INFINITY],
    ['other metadata', { kind: 'metadata', name: 'vlanTci' }, 0],
    ['a sum of loads', binary('+', at(0, 1), at(1, 1)), 0],
  ])('knows where %s ends', (_, value, end) => {
    expect(table.number(value).end).toBe(end);
  });

  it('lists what a value loads, the inner loads first, and a division behind its operands', () => {
    const inner = at(14, 1);
    const outer = behind(inner, 20, 2);
    const quotient = binary('/', outer, at(9, 1));
    expect(table.number(quotient).loads.map(({ value }) => value)).toEqual([inner, outer, at(9, 1), quotient]);
  });
  it('knows the slots that a value is made from, each once', () => {
    const { id, slots } = table.number(binary('+', behind(slot(2), 0, 1), binary('*', slot(2), slot(5))));
    expect(slots).toEqual([2, 5]);
    expect([2, 3, 5].map((number) => table.readsSlot(id, number))).toEqual([true, false, true]);
  });
});
