import { formatProgram } from '@bpfleet/bpf';
import type { Compilation } from '../compile.js';
import type { Token, Words } from '../lex/token.js';
import { ALL_BITS, type Condition, fieldKey, type Test } from '../old/lower/ir.js';
import { ACCEPT, type Graph, REJECT, type Target } from '../old/optimise/graph.js';
import type { Qualifiers, Term } from '../parse/tree.js';
import type { Meaning, Network4, Network6, PortRange } from '../resolve/meaning.js';
import { printLogic } from './print-logic.js';

/** What every stage made of the expression, and the program: for `--explain` and for tests. */
export function printStages({ program, stages }: Compilation): string {
  const { tokens, tree, resolved, ir, optimised } = stages;
  return [
    section('tokens', tokens.map(printToken).join(' ')),
    section('tree', tree ? printLogic(tree, printTerm) : 'every packet'),
    section('resolved', resolved ? printLogic(resolved, printMeaning) : 'every packet'),
    section('ir', printLogic(ir, printCondition)),
    section('optimised', printGraph(optimised)),
    section('program', formatProgram(program, 'd')),
  ].join('\n');
}

function section(title: string, body: string): string {
  return `${title}:\n${body.replace(/^/gm, '  ')}\n`;
}

function printToken({ kind, text }: Token): string {
  return kind === 'end' ? kind : `${kind}:${text}`;
}

export function printTerm(term: Term): string {
  switch (term.kind) {
    case 'abbreviation':
      return term.protocol;
    case 'length':
      return `${term.limit} ${term.bytes}`;
    case 'primitive':
      return `${printQualifiers(term.qualifiers)} ${term.value.text}${printMask(term)}`;
  }
}

function printQualifiers({ protocol, direction, type }: Qualifiers): string {
  return [protocol, direction, type].filter((word) => word !== undefined).join(' ');
}

function printMask({ value }: Extract<Term, { kind: 'primitive' }>): string {
  if (!('prefixLength' in value || 'mask' in value)) return '';
  return 'mask' in value && value.mask ? ` mask ${value.mask.text}` : `/${value.prefixLength}`;
}

export function printMeaning(meaning: Meaning): string {
  switch (meaning.kind) {
    case 'link-protocol':
      return `link protocol ${hex(meaning.protocol)}`;
    case 'transport':
      return `protocol ${meaning.number} over ${meaning.over.join(', ')}`;
    case 'host4':
      return `${meaning.direction} ${list(meaning.networks.map(printNetwork4))} in ${meaning.carriers.join(', ')}`;
    case 'host6':
      return `${meaning.direction} ${list(meaning.networks.map(printNetwork6))} in ip6`;
    case 'ports':
      return `${meaning.direction} port ${list(meaning.ranges.map(printRange))} over protocol ${meaning.protocols.join(', ')}`;
    case 'mac':
      return `${meaning.direction} ether ${list(meaning.addresses.map(printMac))}`;
    case 'length':
      return `${meaning.limit} ${meaning.bytes}`;
    default:
      return meaning.kind;
  }
}

export function printCondition(condition: Condition): string {
  return condition.kind === 'always' ? (condition.value ? 'always' : 'never') : printTest(condition);
}

const SIGNS = { eq: '==', gt: '>', ge: '>=', set: '&' } as const;

function printTest({ field, mask, comparison, operand }: Test): string {
  const masked = mask === ALL_BITS ? fieldKey(field) : `(${fieldKey(field)} & ${hex(mask)})`;
  return `${masked} ${SIGNS[comparison]} ${hex(operand)}`;
}

export function printGraph({ nodes, entry }: Graph): string {
  if (nodes.length === 0) return printTarget(entry);
  return nodes
    .map(({ test, yes, no }, index) => `${index}: ${printTest(test)} ? ${printTarget(yes)} : ${printTarget(no)}`)
    .join('\n');
}

function printTarget(target: Target): string {
  return target === ACCEPT ? 'accept' : target === REJECT ? 'reject' : String(target);
}

function list(items: readonly string[]): string {
  return items.length === 1 ? (items[0] ?? '') : `{${items.join(', ')}}`;
}

function printNetwork4({ address, mask }: Network4): string {
  return `${hex(address)} & ${hex(mask)}`;
}

function printNetwork6({ address, mask }: Network6): string {
  return `${words(address)} & ${words(mask)}`;
}

function printRange({ from, to }: PortRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function printMac(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function words(address: Words): string {
  return address.map((word) => word.toString(16).padStart(8, '0')).join(':');
}
