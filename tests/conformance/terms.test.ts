import { describe, expect, it } from 'vitest';
import {
  calculationsIn,
  constantOf,
  firstNumber,
  isChain,
  isEncapsulation,
  isRelation,
  isWord,
  standsInOrder,
  termsOf,
} from './terms.js';

const relationOf = (text: string) => termsOf(text).find(isRelation);
const rightOf = (text: string) => {
  const [first] = relationOf(text) ? calculationsIn(relationOf(text)!) : [];
  if (first?.kind !== 'binary') throw new Error(`${text} calculates nothing`);
  return first.right;
};

describe('termsOf', () => {
  it('lists terms in the order of the text, whatever joins them', () => {
    expect(termsOf('not (vlan 3 or tcp) and len > 3').map(({ kind }) => kind)).toEqual([
      'numbered',
      'abbreviation',
      'relation',
    ]);
  });
  it('finds nothing in what is refused, or empty', () => {
    expect([termsOf('vlan or'), termsOf('')]).toEqual([[], []]);
  });
});

describe('standsInOrder', () => {
  const [isVlan, isGeneve] = [isWord('vlan'), isWord('geneve')];
  it.each<[string, boolean]>([
    ['vlan or geneve', true],
    ['vlan or tcp or (ip and not geneve 5)', true],
    ['geneve or vlan', false],
    ['vlan or host geneve.example', false],
    ['vlan', false],
  ])('of %s', (text, expected) => {
    expect(standsInOrder(termsOf(text), isVlan, isGeneve)).toBe(expected);
  });
  it('needs a term for each', () => {
    expect(standsInOrder(termsOf('vlan'), isVlan, isVlan)).toBe(false);
    expect(standsInOrder(termsOf('vlan and vlan'), isVlan, isVlan)).toBe(true);
  });
});

it('knows what moves the terms behind it, and what follows a chain', () => {
  expect(termsOf('vlan or mpls 3 or pppoes or geneve or ifindex 3 or tcp').filter(isEncapsulation)).toHaveLength(4);
  expect(termsOf('protochain 6 or ip6 protochain 17 or proto 6').filter(isChain)).toHaveLength(2);
});

it.each<[string, number | undefined]>([
  ['ip[0] / (4 / 5) = 1', 0],
  ['ip[0] >> (30 + 3) = 1', 33],
  ['ip[0] - (-1) = 1', 0xffff_ffff],
  ['ip[0] / (ip[1] / 5) = 1', undefined],
  ['ip[0] / len = 1', undefined],
])('knows the constant on the right of %s', (text, expected) => {
  expect(constantOf(rightOf(text))).toBe(expected);
});

it.each<[string, number | undefined]>([
  ['1 / ip[0] = 1', 0],
  ['1 << (40 - ip[0]) = 1', 40],
  ['1 / (ip[2] + 0) = 1', 2],
  ['1 / -ip[3] = 1', 3],
  ['1 / ip[ip[4]] = 1', 4],
  ['1 / len = 1', undefined],
])('knows the number that libpcap finds first on the right of %s', (text, expected) => {
  expect(firstNumber(rightOf(text))).toBe(expected);
});
