import { ipv4HeaderBytes, type Value } from '../../ir/ir.js';
import { ALL_BITS, complement, intersection, onlyValue, type Ranges } from '../../ir/ranges.js';
import { operandsOf } from '../../optimise/values.js';
import { type Formula, longCalculation, type Question, type Test } from '../formula.js';
import { type Accessor, writeFormula } from '../write.js';
import { addressesIn, macsIn, networks4 } from './addresses.js';
import { encapsulationsIn } from './encapsulations.js';
import type { Terms } from './terms.js';

/** Words for what a packet carries, by the number that stands in it (IANA). */
const PROTOCOLS: Readonly<Record<number, readonly string[]>> = {
  1: ['icmp'],
  2: ['igmp'],
  6: ['tcp'],
  9: ['igrp'],
  17: ['udp'],
  50: ['esp'],
  51: ['ah'],
  58: ['icmp6'],
  103: ['pim'],
  112: ['vrrp'],
  132: ['sctp'],
};
const LINK_WORDS = ['ip', 'ip6', 'arp', 'rarp', 'stp', 'ipx', 'aarp', 'atalk', 'iso', 'netbeui', 'decnet', 'lat'];
const CASTS = ['ether broadcast', 'ether multicast', 'ip multicast', 'ip6 multicast'];
const DIRECTIONS = ['', 'src ', 'dst ', 'src and dst '];

/** Proposes terms that the formula may be made of: every number in it, as whatever it may mean. */
export function proposeTerms(formula: Formula, terms: Terms): void {
  const all = [...questionsIn(formula)];
  // What stands behind a chain of headers is calculated from all their lengths: no other term asks so.
  const questions = all.filter((one) => longCalculation(one) === undefined);
  for (const word of LINK_WORDS) terms.propose(word);
  const tests = questions.filter((one): one is Test => one.kind === 'test');
  const numbers = (size: number) =>
    new Set(tests.filter((one) => sizeOf(one) === size).flatMap((one) => singlesOf(one)));
  proposeProtocols(numbers(1), terms);
  proposePorts(tests, terms);
  proposeAddresses(formula, tests, terms);
  for (const cast of CASTS) terms.propose(cast);
  if (questions.length < all.length) proposeChains(all, terms);
  for (const number of numbers(2)) terms.propose(`ether proto 0x${number.toString(16)}`);
  for (const word of ['outbound', 'inbound']) terms.propose(word);
}

/** What ends with `vlan 5`: nothing is to its right, for whatever is it moves. */
export function proposeTags(formula: Formula, terms: Terms): void {
  for (const word of encapsulationsIn(questionsIn(formula))) if (word.startsWith('vlan')) terms.propose(word);
}

function* questionsIn(formula: Formula): Iterable<Question> {
  if ('parts' in formula) for (const part of formula.parts) yield* questionsIn(part);
  else if (formula.kind !== 'always') yield formula;
}

/** Of what is loaded and compared as it is; 0 for calculations. */
function sizeOf({ value, mask }: Test): number {
  return value.value.kind === 'load' && mask === ALL_BITS ? value.value.size : 0;
}

/** The values asked for, or those asked to be another: whichever are fewer ranges. */
function listed({ value, within }: Test): Ranges {
  const others = intersection(complement(within), Uint32Array.of(0, value.largest));
  return others.length < within.length ? others : within;
}

function pairsOf(ranges: Ranges): [number, number][] {
  return Array.from({ length: ranges.length / 2 }, (_, index) => [ranges[2 * index] ?? 0, ranges[2 * index + 1] ?? 0]);
}

function singlesOf(asked: Test): number[] {
  return pairsOf(listed(asked)).flatMap(([from, to]) => (from === to ? [from] : []));
}

function proposeProtocols(numbers: ReadonlySet<number>, terms: Terms): void {
  for (const number of numbers) {
    for (const word of PROTOCOLS[number] ?? []) terms.propose(word);
    for (const word of ['proto', 'ip proto', 'ip6 proto']) terms.propose(`${word} ${number}`);
  }
}

/** The headers that `protochain` goes past (RFC 8200); behind the last of them it asks for one number. */
const CHAINED: ReadonlySet<number> = new Set([0, 43, 44, 51, 59, 60]);

/** `protochain` asks for one number wherever it looks; for one of the headers in between only where it asks for no other. */
function proposeChains(questions: readonly Question[], terms: Terms): void {
  const long = questions.filter((one): one is Test => one.kind === 'test' && longCalculation(one) !== undefined);
  const numbers = [...new Set(long.flatMap(singlesOf))];
  const others = numbers.filter((number) => !CHAINED.has(number));
  for (const number of others.length > 0 ? others : numbers) {
    for (const word of ['protochain', 'ip6 protochain', 'ip protochain']) terms.propose(`${word} ${number}`);
  }
}

function proposePorts(tests: readonly Test[], terms: Terms): void {
  const lists = new Set(tests.filter((one) => sizeOf(one) === 2).flatMap(portLists));
  const protocols = ['tcp', 'udp', 'sctp'].filter((word) =>
    tests.some((one) => singlesOf(one).includes(PORTED[word] ?? 0)),
  );
  for (const list of lists) {
    for (const protocol of ['', ...protocols.map((word) => `${word} `)]) {
      for (const direction of DIRECTIONS) terms.propose(`${protocol}${direction}${list}`);
    }
  }
}

const PORTED: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Each range of values alone, and all of them as a list. */
function portLists(asked: Test): string[] {
  const ranges = pairsOf(listed(asked));
  const each = ranges
    .slice(0, MOST_EACH)
    .map(([from, to]) => (from === to ? `port ${from}` : `portrange ${from}-${to}`));
  if (ranges.length === 1 || ranges.length > LONGEST_SET) return each;
  if (ranges.length <= LONGEST_LIST && ranges.every(([from, to]) => from === to)) {
    return [...each, `port ${ranges.map(([from]) => from).join(' or ')}`];
  }
  return [...each, `port in {${ranges.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(', ')}}`];
}

/** Of a list of values so many are also looked for one by one. */
const MOST_EACH = 8;
/** Longer lists are written as sets. */
const LONGEST_LIST = 4;
const LONGEST_SET = 256;

function proposeAddresses(formula: Formula, tests: readonly Test[], terms: Terms): void {
  const values = tests.filter((one) => sizeOf(one) === 4).flatMap(addressLists);
  for (const carrier of ['', 'ip ', 'arp ', 'rarp ']) {
    for (const direction of DIRECTIONS) {
      for (const address of new Set(values)) terms.propose(`${carrier}${direction}${address}`);
    }
  }
  const [addresses, macs] = [addressesIn(formula), macsIn(formula)];
  for (const direction of DIRECTIONS) {
    for (const address of addresses) terms.propose(`${direction}${address}`);
    for (const mac of macs) terms.propose(`ether ${direction === '' ? 'host ' : direction}${mac}`);
  }
}

function addressLists(asked: Test): string[] {
  const networks = pairsOf(listed(asked)).flatMap(([from, to]) => networks4(from, to));
  const each = networks.slice(0, MOST_EACH).map(({ type, value }) => `${type} ${value}`);
  if (networks.length === 1 || networks.length > LONGEST_SET) return each;
  const isShort = networks.length <= LONGEST_LIST && networks.every(({ type }) => type === networks[0]?.type);
  const values = networks.map(({ value }) => value);
  return [...each, isShort ? `${networks[0]?.type} ${values.join(' or ')}` : `host in {${values.join(', ')}}`];
}

/** Of a long list of questions the others are written byte by byte. */
const MOST_RELATIONS = 60;

/** `ip[8] < 64`, `tcp[13] & 2 != 0`: a question in the words of the header it asks about. */
export function proposeRelations(
  questions: readonly Question[],
  formula: Formula,
  terms: Terms,
  networkOffset: number,
): void {
  const asked = new Set([...questionsIn(formula)].flatMap((one) => (one.kind === 'test' ? singlesOf(one) : [])));
  const behindIpv4 = ipv4HeaderBytes(networkOffset);
  const network = (word: string): Accessor => ({ word, offset: networkOffset });
  const transport = (word: string): Accessor => ({ word, offset: networkOffset, base: behindIpv4 });
  const accessors = [
    ...TRANSPORT_BYTES.map(transport),
    { word: 'icmp6', offset: networkOffset + 40 },
    ...['ip', 'ip6', 'arp', 'rarp'].map(network),
  ].filter(({ word }) => !(word in NUMBERS) || asked.has(NUMBERS[word] ?? 0));
  for (const question of questions.slice(0, MOST_RELATIONS)) {
    for (const accessor of accessors) {
      if (!loadsIn(question).some(({ base }) => accessor.base === undefined || base !== undefined)) continue;
      const text = relationBy(question, accessor);
      if (text !== undefined) terms.propose(text);
    }
  }
}

const TRANSPORT_BYTES = ['tcp', 'udp', 'icmp', 'sctp', 'igmp', 'igrp', 'pim', 'vrrp'];
/** What stands in a packet that has such bytes; whether it is IP is told in other ways too. */
const NUMBERS: Readonly<Record<string, number>> = {
  ...{ tcp: 6, udp: 17, icmp: 1, sctp: 132, igmp: 2, igrp: 9, pim: 103, vrrp: 112, icmp6: 58 },
  ...{ arp: 0x0806, rarp: 0x8035 },
};

function loadsIn(question: Question) {
  const values = question.kind === 'test' ? [question.value] : [question.left, question.right];
  return values.flatMap(({ value }) => [...loads(value)]);
}

function* loads(value: Value): Iterable<Extract<Value, { kind: 'load' }>> {
  if (value.kind === 'load') yield value;
  for (const operand of operandsOf(value)) yield* loads(operand);
}

function relationBy(question: Question, accessor: Accessor): string | undefined {
  if (question.kind === 'test' && question.within.length > 4 && onlyValue(question.within) === undefined)
    return undefined;
  try {
    const { text, joined } = writeFormula(question, accessor);
    return joined === undefined ? text : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
