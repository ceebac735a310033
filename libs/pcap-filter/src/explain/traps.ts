import type { Span } from '@bpfleet/errors';
import { builtInNames, type CompileOptions } from '../compile.js';
import type { Ir } from '../ir/ir.js';
import type { Token } from '../lex/token.js';
import type { Logic } from '../logic.js';
import type { Calculation, Primitive, Term, Tree } from '../parse/tree.js';
import type { Meaning, Meanings } from '../resolve/meaning.js';
import { type NameResolver, resolverOf } from '../resolve/names.js';
import { constantParts } from './constant-parts.js';
import { partSpan, primitivesOf } from './part-span.js';
import { type Note, TRAPS, type Trap, type TrapId } from './trap.js';
import { valueTraps } from './value-traps.js';

/** The traps of an expression, in the order of the text where they have a place; each once. */
export function trapsOf(
  tokens: readonly Token[],
  tree: Tree,
  meanings: Meanings,
  ir: Ir,
  options: CompileOptions,
): readonly Trap[] {
  const found = new Map<TrapId, Trap>();
  const note = (id: TrapId, span?: Span, hint?: string) => {
    if (found.has(id)) return;
    found.set(id, { id, message: TRAPS[id], ...(hint !== undefined && { hint }), ...(span !== undefined && { span }) });
  };
  tokens.forEach((token) => void tokenTraps(token, note));
  if (tree) structureTraps(tree, note);
  const names = options.names === undefined ? builtInNames : resolverOf(options.names);
  if (tree) eachLeaf(tree, (term) => termTraps(term, { names, walksHeaders: walksHeaders(options) }, note));
  if (meanings) eachLeaf(meanings, (meaning) => meaningTraps(meaning, options, note));
  if (meanings) encapsulationTraps(meanings, options, note);
  for (const { holds, part, isWhole } of meanings ? constantParts(meanings, ir) : []) {
    // That nothing at all can match, the explanation says itself.
    if (holds || !isWhole) {
      note(holds ? 'ALWAYS_MATCHES' : 'PART_NEVER_MATCHES', partSpan(part, tokens, primitivesOf(tree)));
    }
  }
  return [...found.values()].sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
}

function walksHeaders({ extensions = {} }: CompileOptions): boolean {
  return (extensions.ipv6ExtensionHeaders ?? 0) > 0;
}

function tokenTraps(token: Token, note: Note): void {
  if (token.kind === 'number' && /^0\d/.test(token.text)) note('OCTAL_NUMBER', token.span, String(token.value));
  if (token.kind === 'mac' && /^[0-9A-Fa-f]{12}$/.test(token.text)) note('TWELVE_DIGITS', token.span);
}

function structureTraps(tree: Logic<Term>, note: Note): void {
  if (tree.kind === 'not') structureTraps(tree.operand, note);
  if (tree.kind !== 'chain') return;
  const operators = new Set(tree.rest.map(({ operator }) => operator));
  // Between `a and b or c` nobody is surprised: left to right is what everybody expects of it.
  const firstOr = tree.rest.findIndex(({ operator }) => operator === 'or');
  const andBehind = firstOr >= 0 && tree.rest.slice(firstOr).some(({ operator }) => operator === 'and');
  if (operators.size > 1 && andBehind) {
    note('PRECEDENCE_MIXED', spanOf(tree), 'set parentheses: tcp port (80 or 443) and host 10.0.0.7');
  }
  const first = primitiveIn(tree.first);
  for (const { operand } of tree.rest) {
    const value = primitiveIn(operand);
    if (first !== undefined && value !== undefined && first.qualifiers === value.qualifiers) {
      if (tree.first.kind === 'not' && operand.kind !== 'not') {
        note('NOT_BINDS_ONE', first.span, 'not (host a or host b)');
      } else if (value.qualifiers.direction !== undefined) {
        note('LIST_TAKES_OVER', value.span);
      }
    }
    structureTraps(operand, note);
  }
  structureTraps(tree.first, note);
}

function primitiveIn(tree: Logic<Term>): Primitive | undefined {
  if (tree.kind === 'not') return primitiveIn(tree.operand);
  return tree.kind === 'leaf' && tree.leaf.kind === 'primitive' ? tree.leaf : undefined;
}

interface Reading {
  readonly names: NameResolver;
  readonly walksHeaders: boolean;
}

function termTraps(term: Term, reading: Reading, note: Note): void {
  if (term.kind === 'primitive') {
    if (term.qualifiers.direction === 'src and dst') note('SRC_AND_DST', term.qualifiers.span, 'src or dst');
    valueTraps(term, reading.names, note);
  }
  if (term.kind === 'relation') for (const side of [term.left, term.right]) calculationTraps(side, reading, note);
  if (term.kind === 'length') note('LENGTH_INCLUSIVE', term.span);
}

function calculationTraps(calculation: Calculation, reading: Reading, note: Note): void {
  switch (calculation.kind) {
    case 'negate':
      note('NEGATIVE_IS_LARGE', calculation.span);
      calculationTraps(calculation.operand, reading, note);
      break;
    case 'accessor':
      if (!reading.walksHeaders) accessorTraps(calculation, note);
      calculationTraps(calculation.index, reading, note);
      break;
    case 'binary': {
      const { operator, left, right, span } = calculation;
      if ((operator === '%' || operator === '^') && right.kind === 'binary') note('OPERATOR_READS_ON', span);
      if (operator === '>>' && isByte(left, 'tcp', 12)) {
        note('HEADER_LENGTH_UNMASKED', span, '(tcp[12] & 0xf0) >> 2');
      }
      if (right.kind === 'accessor' && right.protocol !== 'ether') note('GUARD_FORGOTTEN', right.span);
      calculationTraps(left, reading, note);
      calculationTraps(right, reading, note);
    }
  }
}

function accessorTraps({ protocol, span }: Extract<Calculation, { kind: 'accessor' }>, note: Note): void {
  if (TRANSPORT.has(protocol)) note('BYTES_OF_IPV4_ONLY', span);
  if (protocol === 'icmp6') note('BYTES_OF_FIRST_HEADER', span, 'switch on the extension: --ipv6-headers 8');
}

const TRANSPORT: ReadonlySet<string> = new Set('tcp udp sctp icmp igmp igrp pim vrrp carp'.split(' '));

function isByte(calculation: Calculation, protocol: string, index: number): boolean {
  if (calculation.kind !== 'accessor' || calculation.protocol !== protocol || calculation.size !== 1) return false;
  return calculation.index.kind === 'number' && calculation.index.value === index;
}

function meaningTraps(meaning: Meaning, options: CompileOptions, note: Note): void {
  const { live = false } = options;
  const { span } = meaning;
  switch (meaning.kind) {
    case 'ports':
      note('PORT_FIRST_FRAGMENT', span);
      if (!walksHeaders(options)) note('IPV6_EXTENSION_HEADERS', span, 'switch on the extension: --ipv6-headers 8');
      break;
    case 'transport':
      if (meaning.over.includes('ip6') && !walksHeaders(options)) note('IPV6_EXTENSION_HEADERS', span, 'protochain');
      if (meaning.number === 1 && !meaning.over.includes('ip6')) note('ICMP_IS_IPV4', span, 'icmp or icmp6');
      break;
    case 'host4':
      if (meaning.carriers.length > 1) note('HOST_INCLUDES_ARP', span, 'ip host');
      break;
    case 'link-protocol':
      if (meaning.protocol <= 1500) note('LLC_NUMBER', span);
      break;
    case 'length':
      if (live) note('LENGTH_OF_OFFLOADS', span);
      break;
    case 'cast':
      if (meaning.layer === 'link' && meaning.cast === 'multicast') {
        note('MULTICAST_HAS_BROADCAST', span, 'ether multicast and not ether broadcast');
      }
      if (meaning.layer === 'ip' && meaning.cast === 'broadcast') note('BROADCAST_OF_NETMASK', span);
  }
}

const MOVES: ReadonlySet<Meaning['kind']> = new Set(['vlan', 'mpls', 'pppoe-session', 'geneve', 'vxlan']);

/** What moves the place of everything to its right, and what stands there. */
function encapsulationTraps(meanings: Logic<Meaning>, options: CompileOptions, note: Note): void {
  const { linkType = 'EN10MB', extensions = {} } = options;
  const leaves: { meaning: Meaning; behindOr: boolean }[] = [];
  const walk = (part: Logic<Meaning>, behindOr: boolean) => {
    switch (part.kind) {
      case 'leaf':
        leaves.push({ meaning: part.leaf, behindOr });
        break;
      case 'not':
        walk(part.operand, behindOr);
        break;
      case 'chain':
        walk(part.first, behindOr);
        for (const { operator, operand } of part.rest) walk(operand, operator === 'or');
    }
  };
  walk(meanings, false);
  const mover = leaves.findIndex(({ meaning }) => MOVES.has(meaning.kind));
  if (mover >= 0 && !extensions.scopedEncapsulation && !extensions.vlanTransparent) {
    for (const { meaning, behindOr } of leaves.slice(mover + 1)) {
      if (!behindOr) continue;
      const first = leaves[mover]?.meaning;
      if (meaning.kind === 'vlan' && first?.kind === 'vlan') note('VLAN_OR_VLAN', meaning.span, 'vlan 10,20');
      else if (meaning.kind === 'mpls' && first?.kind === 'mpls') note('MPLS_OR_MPLS', meaning.span);
      else note('ENCAPSULATION_LEAKS', first?.span, 'write it last, or switch on --scoped and set parentheses');
    }
  }
  const asksInside = leaves.some(({ meaning }) => ['host4', 'host6', 'ports', 'transport'].includes(meaning.kind));
  if (linkType === 'EN10MB' && mover < 0 && asksInside && !extensions.vlanTransparent) {
    note('VLAN_TAGS_HIDE', undefined, 'switch on --vlan-transparent');
  }
}

function eachLeaf<Leaf>(logic: Logic<Leaf>, visit: (leaf: Leaf) => void): void {
  switch (logic.kind) {
    case 'leaf':
      visit(logic.leaf);
      break;
    case 'not':
      eachLeaf(logic.operand, visit);
      break;
    case 'chain':
      eachLeaf(logic.first, visit);
      for (const { operand } of logic.rest) eachLeaf(operand, visit);
  }
}

function spanOf(tree: Logic<Term>): Span | undefined {
  const spans: Span[] = [];
  eachLeaf(tree, ({ span }) => void spans.push(span));
  const [first] = spans;
  const last = spans.at(-1);
  return first && last && { start: first.start, end: last.end };
}
