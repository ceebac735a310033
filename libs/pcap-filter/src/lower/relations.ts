import type { Span } from '@bpfleet/errors';
import { syntaxFault, unsupportedFault } from '../fault.js';
import { calculate } from '../ir/evaluate.js';
import { behind, binary, constant, type Ir, type Value } from '../ir/ir.js';
import { ALL_BITS, between, complement, NOTHING, type Ranges, single } from '../ir/ranges.js';
import { allOf, joined, leafOf } from '../logic.js';
import {
  type AccessorProtocol,
  type Arithmetic,
  type Comparison,
  LinkProtocol,
  type Meaning,
} from '../resolve/meaning.js';
import { always, equals, isIn, not } from './conditions.js';
import { carries } from './protocol.js';
import { type At, type Context, network, type Place } from './scope.js';
import { behindIpv4, IPV6, isLaterFragment, lowerTransport, walkHeaders } from './transport.js';

type Relation = Extract<Meaning, { kind: 'relation' }>;
type Accessor = Extract<Arithmetic, { kind: 'accessor' }>;

/** A number, and what must hold before it is read: `tcp[0]` is there only in TCP packets. */
interface Guarded {
  readonly value: Value;
  readonly guards: readonly Ir[];
}

export function lowerRelation({ left, comparison, right, span }: Relation, context: Context): Ir {
  const a = lowerArithmetic(left, context, span);
  const b = lowerArithmetic(right, context, span);
  const compared = compare(a.value, comparison, b.value);
  return joined('and', [...a.guards, ...b.guards, compared]);
}

const TURNED: Readonly<Record<Comparison, Comparison>> = {
  '=': '=',
  '!=': '!=',
  '>': '<',
  '>=': '<=',
  '<': '>',
  '<=': '>=',
};

function compare(left: Value, comparison: Comparison, right: Value): Ir {
  if (right.kind !== 'constant') {
    return left.kind === 'constant'
      ? compare(right, TURNED[comparison], left)
      : compareUnknown(left, comparison, right);
  }
  if (left.kind === 'constant') return always(holds(left.value, comparison, right.value));
  const within = numbersThat(comparison, right.value);
  if (left.kind === 'binary' && left.operator === '&' && left.right.kind === 'constant') {
    return isIn(left.left, within, left.right.value);
  }
  return isIn(left, within);
}

function compareUnknown(left: Value, comparison: Comparison, right: Value): Ir {
  switch (comparison) {
    case '=':
      return leafOf({ kind: 'compare', left, comparison: 'eq', right });
    case '!=':
      return not(leafOf({ kind: 'compare', left, comparison: 'eq', right }));
    case '>':
      return leafOf({ kind: 'compare', left, comparison: 'gt', right });
    case '>=':
      return leafOf({ kind: 'compare', left, comparison: 'ge', right });
    case '<':
      return not(leafOf({ kind: 'compare', left, comparison: 'ge', right }));
    case '<=':
      return not(leafOf({ kind: 'compare', left, comparison: 'gt', right }));
  }
}

function numbersThat(comparison: Comparison, value: number): Ranges {
  switch (comparison) {
    case '=':
      return single(value);
    case '!=':
      return complement(single(value));
    case '>':
      return value === ALL_BITS ? NOTHING : between(value + 1, ALL_BITS);
    case '>=':
      return between(value, ALL_BITS);
    case '<':
      return value === 0 ? NOTHING : between(0, value - 1);
    case '<=':
      return between(0, value);
  }
}

function holds(left: number, comparison: Comparison, right: number): boolean {
  switch (comparison) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
  }
}

function lowerArithmetic(arithmetic: Arithmetic, context: Context, span: At): Guarded {
  switch (arithmetic.kind) {
    case 'number':
      return { value: constant(arithmetic.value), guards: [] };
    case 'length':
      return { value: { kind: 'length' }, guards: [] };
    case 'negate': {
      const { value, guards } = lowerArithmetic(arithmetic.operand, context, span);
      const negated: Value =
        value.kind === 'constant' ? constant(-value.value >>> 0) : { kind: 'negate', operand: value };
      return { value: negated, guards };
    }
    case 'binary': {
      const left = lowerArithmetic(arithmetic.left, context, span);
      const right = lowerArithmetic(arithmetic.right, context, span);
      // libpcap's `gen_arth` forgets what the right operand asks for: `ip[0] + tcp[0]` reads in every IPv4 packet.
      return { value: calculated(arithmetic, left.value, right.value, span ?? NOWHERE), guards: left.guards };
    }
    case 'accessor':
      return lowerAccessor(arithmetic, context);
  }
}

const NOWHERE: Span = { start: 0, end: 0 };

function calculated(
  { operator }: Extract<Arithmetic, { kind: 'binary' }>,
  left: Value,
  right: Value,
  span: Span,
): Value {
  if (right.kind !== 'constant') return binary(operator, left, right);
  if ((operator === '/' || operator === '%') && right.value === 0) {
    throw syntaxFault(span, 'a division by zero: what stands behind it is always 0');
  }
  if ((operator === '<<' || operator === '>>') && right.value > 31) {
    throw syntaxFault(span, `a shift by ${right.value}; a number has 32 bits`, 'shift by 31 at most');
  }
  return left.kind === 'constant'
    ? constant(calculate(operator, left.value, right.value))
    : binary(operator, left, right);
}

const NETWORKS = ['ip', 'ip6', 'arp', 'rarp', 'atalk', 'decnet', 'lat', 'sca', 'moprc', 'mopdl'] as const;
const isNetwork = (protocol: AccessorProtocol): protocol is (typeof NETWORKS)[number] =>
  (NETWORKS as readonly string[]).includes(protocol);
/** Behind IPv4: protocol numbers (IANA). */
export const TRANSPORTS: Readonly<Partial<Record<AccessorProtocol, number>>> = {
  ...{ icmp: 1, igmp: 2, tcp: 6, igrp: 9, udp: 17, pim: 103, vrrp: 112, carp: 112, sctp: 132 },
};
/** Those that libpcap's abbreviations find over IPv6 as well. */
const OVER_BOTH: readonly AccessorProtocol[] = ['tcp', 'udp', 'sctp', 'pim'];
const ICMP6 = 58;

function lowerAccessor(accessor: Accessor, context: Context): Guarded {
  const index = lowerArithmetic(accessor.index, context, accessor.span);
  const number = TRANSPORTS[accessor.protocol];
  return number === undefined
    ? lowerHeaderAccessor(accessor, index, context)
    : lowerTransportAccessor(accessor, number, index, context);
}

/** Behind a place that does not depend on a header in front. */
function lowerHeaderAccessor({ protocol, size, span }: Accessor, index: Guarded, context: Context): Guarded {
  const { scope } = context;
  const readAt = (place: Place) => loadAt(place, index.value, size);
  // Also where a tunnel carries no link header: it counts from where one would stand, as libpcap does.
  if (protocol === 'link') return { value: readAt(scope.header), guards: index.guards };
  if (protocol === 'radio') {
    if (!scope.hasRadio) throw unsupportedFault(span, `there is no radio information on ${scope.linkName}`);
    return { value: readAt({ offset: 0 }), guards: index.guards };
  }
  const place = network(scope);
  if (isNetwork(protocol)) {
    return { value: readAt(place), guards: [...index.guards, carries(LinkProtocol[protocol], context, span)] };
  }
  // ICMPv6 is all that is left.
  if (context.ipv6ExtensionHeaders > 0) return icmp6BehindHeaders(place, readAt, index, span, context);
  const isIcmp6 = equals(loadAt(place, constant(IPV6.nextHeader), 1), ICMP6);
  const guards = [...index.guards, carries(LinkProtocol.ip6, context, span), isIcmp6];
  return { value: readAt({ ...place, offset: place.offset + IPV6.headerBytes }), guards };
}

function icmp6BehindHeaders(
  place: Place,
  readAt: (place: Place) => Value,
  index: Guarded,
  span: Accessor['span'],
  context: Context,
): Guarded {
  const walk = walkHeaders(place, context, context.ipv6ExtensionHeaders);
  const isIcmp6 = allOf(walk.steps, not(walk.isLaterFragment), equals(walk.next, ICMP6));
  const guards = [...index.guards, carries(LinkProtocol.ip6, context, span), isIcmp6];
  return { value: readAt({ base: walk.at, offset: place.offset }), guards };
}

/** Behind IPv4 in first fragments; with the extension also behind IPv6 and its headers. */
function lowerTransportAccessor(
  { protocol, size, span }: Accessor,
  number: number,
  index: Guarded,
  context: Context,
): Guarded {
  const place = network(context.scope);
  const over =
    OVER_BOTH.includes(protocol) && context.ipv6ExtensionHeaders === 0 ? (['ip', 'ip6'] as const) : (['ip'] as const);
  const isIpv4 = carries(LinkProtocol.ip, context, span);
  const isProtocol = lowerTransport({ kind: 'transport', over, number }, context);
  const guards4 = [isIpv4, isProtocol, not(isLaterFragment(place))];
  const isConstant = index.value.kind === 'constant';
  const read4 = isConstant ? behindIpv4(place, constantOf(index.value), size) : behindIpv4(place, 0, size, index.value);
  if (context.ipv6ExtensionHeaders === 0 || !OVER_BOTH.includes(protocol)) {
    return { value: read4, guards: [...index.guards, ...guards4] };
  }
  return eitherVersion(read4, guards4, { number, size, span, index }, context);
}

interface Read {
  readonly number: number;
  readonly size: 1 | 2 | 4;
  readonly span: Accessor['span'];
  readonly index: Guarded;
}

/** A slot says where the transport header stands, found over IPv4 or over IPv6. */
function eitherVersion(
  read4: Extract<Value, { kind: 'load' }>,
  guards4: readonly Ir[],
  { number, size, span, index }: Read,
  context: Context,
): Guarded {
  const place = network(context.scope);
  const slot = context.newSlot();
  const start: Value = { kind: 'slot', slot };
  const [isIpv4 = always(true), ...more] = guards4;
  const header4 = behindIpv4(place, 0, 1);
  const walk = walkHeaders(place, context, context.ipv6ExtensionHeaders);
  const found: Ir = {
    kind: 'chain',
    first: allOf(isIpv4, ...more, { kind: 'leaf', leaf: { kind: 'assign', slot, value: header4.base ?? constant(0) } }),
    rest: [
      {
        operator: 'or',
        operand: allOf(
          carries(LinkProtocol.ip6, context, span),
          walk.steps,
          not(walk.isLaterFragment),
          equals(walk.next, number),
          { kind: 'leaf', leaf: { kind: 'assign', slot, value: walk.at } },
        ),
      },
    ],
  };
  const value = loadAt({ base: start, offset: place.offset }, index.value, size);
  return { value: read4.size === size ? value : read4, guards: [...index.guards, found] };
}

/** At an index from a place. */
function loadAt({ base, offset }: Place, index: Value, size: 1 | 2 | 4): Value {
  if (index.kind === 'constant') return behind(base, (offset + index.value) >>> 0, size);
  return behind(base === undefined ? index : binary('+', index, base), offset, size);
}

function constantOf(value: Value): number {
  return value.kind === 'constant' ? value.value : 0;
}
