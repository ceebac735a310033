import { BpfleetError } from '@bpfleet/errors';
import { compileWithSets, type Stages } from '@bpfleet/pcap-filter';
import type { FlowCondition } from '@bpfleet/store';

/** What an expression asks, as far as a flow tells it. */
export interface FlowFilter {
  readonly condition: FlowCondition;
  /** Whether packets that are not IP match: all, none, or undefined: some may. */
  readonly ofOthers: boolean | undefined;
}

type Logic = NonNullable<Stages['resolved']>;
type Meaning = Extract<Logic, { kind: 'leaf' }>['leaf'];
type OfKind<Kind extends Meaning['kind']> = Extract<Meaning, { kind: Kind }>;
type Direction = OfKind<'ports'>['direction'];
type End = 'source' | 'destination';

/** @returns undefined for the empty expression, which every packet matches
 * @throws BpfleetError `FILTER_UNSUPPORTED` with the span of the first term that needs more than a flow, or what the filter
 *   language says of the expression */
export function flowFilter(expression: string): FlowFilter | undefined {
  const logic = compileWithSets(expression, { optimize: false }).stages.resolved;
  return logic === undefined ? undefined : new Reading(expression).of(logic);
}

class Reading {
  constructor(private readonly expression: string) {}

  of(logic: Logic): FlowFilter {
    switch (logic.kind) {
      case 'leaf':
        return this.#ofTerm(logic.leaf);
      case 'not': {
        const { condition, ofOthers } = this.of(logic.operand);
        return { condition: { kind: 'not', of: condition }, ofOthers: ofOthers === undefined ? undefined : !ofOthers };
      }
      case 'chain':
        return this.#ofChain(logic);
    }
  }

  /** Both operators bind alike and to the left; a run of one of them is one list. */
  #ofChain({ first, rest }: Extract<Logic, { kind: 'chain' }>): FlowFilter {
    let [parts, operator] = [[this.of(first)], rest[0]?.operator];
    for (const link of rest) {
      if (link.operator !== operator) [parts, operator] = [[joined(parts, operator)], link.operator];
      parts.push(this.of(link.operand));
    }
    return joined(parts, operator);
  }

  #ofTerm(meaning: Meaning): FlowFilter {
    switch (meaning.kind) {
      case 'link-protocol':
        return linkProtocol(meaning.protocol);
      case 'transport':
        return onlyIp(all([anyOf(meaning.over.map(family)), protocols([meaning.number])]));
      case 'host4': {
        const isIp = meaning.carriers.includes('ip');
        const condition = isIp ? networks(meaning.networks.map(network4), meaning.direction) : NEVER;
        const isOther = meaning.carriers.some((carrier) => carrier !== 'ip');
        return { condition, ofOthers: isOther ? undefined : false };
      }
      case 'host6':
        return onlyIp(networks(meaning.networks.map(network6), meaning.direction));
      case 'ports':
        return onlyIp(all([protocols(meaning.protocols), ports(meaning)]));
      case 'cast':
        if (meaning.cast === 'multicast' && meaning.layer !== 'link') return onlyIp(MULTICAST[meaning.layer]);
        return this.#refuse(meaning);
      default:
        return this.#refuse(meaning);
    }
  }

  #refuse({ span = { start: 0, end: this.expression.length } }: Meaning): never {
    const term = this.expression.slice(span.start, span.end).trim() || this.expression;
    throw new BpfleetError(
      'FILTER_UNSUPPORTED',
      `flows do not tell “${term}”: they know hosts, nets, ports and protocols`,
      {
        span,
        hint: 'ask the packets: bpfleet packets, GET /api/v1/packets',
      },
    );
  }
}

const NEVER: FlowCondition = { kind: 'constant', value: false };
const all = (of: readonly FlowCondition[]): FlowCondition => ({ kind: 'all', of });
const anyOf = (of: readonly FlowCondition[]): FlowCondition => ({ kind: 'any', of });
const onlyIp = (condition: FlowCondition): FlowFilter => ({ condition, ofOthers: false });
const protocols = (numbers: readonly number[]): FlowCondition => ({ kind: 'protocol', protocols: numbers });
const family = (over: 'ip' | 'ip6'): FlowCondition => ({ kind: 'family', family: over === 'ip' ? 4 : 6 });

function joined(parts: readonly FlowFilter[], operator: 'and' | 'or' | undefined): FlowFilter {
  if (parts.length === 1) return parts[0]!;
  const conditions = parts.map(({ condition }) => condition);
  const others = parts.map(({ ofOthers }) => ofOthers);
  const deciding = operator === 'or';
  const isOpen = others.includes(undefined);
  const ofOthers = others.includes(deciding) ? deciding : isOpen ? undefined : !deciding;
  return { condition: operator === 'or' ? anyOf(conditions) : all(conditions), ofOthers };
}

/** EtherTypes; all others are of packets that have no flow. */
const ETHER_TYPE = { ip: 0x0800, ip6: 0x86dd } as const;

function linkProtocol(protocol: number): FlowFilter {
  if (protocol === ETHER_TYPE.ip) return onlyIp(family('ip'));
  if (protocol === ETHER_TYPE.ip6) return onlyIp(family('ip6'));
  return { condition: NEVER, ofOthers: undefined };
}

interface Network {
  readonly address: Uint8Array;
  readonly mask: Uint8Array;
}

const network4 = ({ address, mask }: OfKind<'host4'>['networks'][number]): Network => ({
  address: bytesOf([address]),
  mask: bytesOf([mask]),
});
const network6 = ({ address, mask }: OfKind<'host6'>['networks'][number]): Network => ({
  address: bytesOf(address),
  mask: bytesOf(mask),
});

function bytesOf(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(4 * index, word);
  return bytes;
}

/** One of the networks at the end, or ends, that the direction names. */
const networks = (among: readonly Network[], direction: Direction): FlowCondition =>
  atEnds(direction, (end) => anyOf(among.map(({ address, mask }) => ({ kind: 'address', end, address, mask }))));

const ports = ({ ranges, direction }: OfKind<'ports'>): FlowCondition =>
  atEnds(direction, (end) => anyOf(ranges.map(({ from, to }) => ({ kind: 'port', end, from, to }))));

function atEnds(direction: Direction, at: (end: End) => FlowCondition): FlowCondition {
  switch (direction) {
    case 'src':
      return at('source');
    case 'dst':
      return at('destination');
    case 'src or dst':
      return anyOf([at('source'), at('destination')]);
    case 'src and dst':
      return all([at('source'), at('destination')]);
  }
}

/** As libpcap has them: 224.0.0.0 and all behind, ff00::/8. */
const MULTICAST = {
  ip: anyOf(
    [0xe0, 0xf0].map((first) => ({
      ...{ kind: 'address', end: 'destination' },
      ...{ address: Uint8Array.of(first, 0, 0, 0), mask: Uint8Array.of(0xf0, 0, 0, 0) },
    })),
  ),
  ip6: {
    kind: 'address',
    end: 'destination',
    address: bytesOf([0xff00_0000, 0, 0, 0]),
    mask: bytesOf([0xff00_0000, 0, 0, 0]),
  },
} as const satisfies Record<string, FlowCondition>;
