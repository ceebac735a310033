import { dissectPacket, type Node } from '@bpfleet/dissect';
import { mustBeOurs } from './exclusions.js';
import { FIELDS } from './fields.js';
import type { Frame } from './frames.js';
import type { TheirField, TheirPacket } from './tshark.js';

const compared = new Set(FIELDS);
/** Layers and what ends them; other nodes are fields and groups. */
const LAYERS = new Set([
  ...[
    'eth',
    'ieee8021ad',
    'vlan',
    'sll',
    'null',
    'arp',
    'ip',
    'ipv6',
    'ah',
    'esp',
    'icmp',
    'icmpv6',
    'tcp',
    'udp',
    'sctp',
  ],
  ...['llc', 'ipv6.hopopts', 'ipv6.dstopts', 'ipv6.routing', 'ipv6.fraghdr'],
  ...['dns', 'mdns', 'tls', 'http', 'data', '_ws.short', '_ws.malformed', '_ws.unreassembled'],
]);
const isProblem = (layer: string) => layer.startsWith('_ws.');

/** What ours and tshark say of one packet. */
export interface Answers {
  readonly frame: Frame;
  readonly layers: { readonly ours: readonly string[]; readonly theirs: readonly string[] };
  readonly ours: readonly OurField[];
  readonly theirs: readonly TheirField[];
  /** Without choosing those that must be tshark's. */
  readonly all: { readonly ours: readonly OurField[]; readonly theirs: readonly TheirField[] };
}
export interface OurField {
  readonly name: string;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly value: Node['value'];
}

export interface Difference {
  readonly ours?: OurField;
  readonly theirs?: TheirField;
  /** Set where the lists of layers differ, and nothing else. */
  readonly layers?: { readonly ours: string; readonly theirs: string };
}

export function answersOn(frame: Frame, linkType: number, their: TheirPacket): Answers {
  const nodes = [...nodesOf(dissectPacket({ ...frame, linkType }))];
  const ours = nodes.map(({ name, offset, lengthBytes, value }) => ({ name, offset, lengthBytes, value }));
  return {
    frame,
    layers: {
      ours: nodes.map(({ name }) => name).filter((name) => LAYERS.has(name)),
      theirs: their.layers,
    },
    ours: ours.filter(({ name }) => compared.has(name)),
    theirs: their.fields.filter(({ name }) => compared.has(name) || mustBeOurs(name)),
    all: { ours, theirs: their.fields },
  };
}

function* nodesOf(nodes: readonly Node[]): Generator<Node, void, void> {
  for (const node of nodes) {
    yield node;
    yield* nodesOf(node.children ?? []);
  }
}

/**
 * Everything in which the two differ. Of a packet that is cut, or goes on in another fragment, ours may show more:
 * tshark reads some fields ahead, and shows none of them when one is missing.
 */
export function differencesOf(answers: Answers): Difference[] {
  const { frame, layers } = answers;
  const { pairs, left } = matched(answers);
  const differences: Difference[] = pairs.filter((pair) => !isEqual(pair));
  const isPart = isPartOfMessage(frame);
  if (!isPart) differences.push(...left.map((ours) => ({ ours })));
  if (!isSameLayers(layers, isPart)) {
    differences.push({ layers: { ours: layers.ours.join(' '), theirs: layers.theirs.join(' ') } });
  }
  return differences;
}

/** Those that are equal in name, place and length, and of which ours has no value to compare. */
export const equalByPlace = (answers: Answers): TheirField[] =>
  matched(answers)
    .pairs.filter((pair) => isEqual(pair) && pair.ours.value === undefined)
    .map(({ theirs }) => theirs);

interface Pair {
  readonly theirs: TheirField;
  readonly ours?: OurField;
}

/** Each of tshark's fields with the one of ours that has its name and place, and those of ours that are left. */
function matched({ ours, theirs }: Answers): { readonly pairs: readonly Pair[]; readonly left: readonly OurField[] } {
  const left = new Map<string, OurField[]>();
  for (const field of ours) left.set(placeOf(field), [...(left.get(placeOf(field)) ?? []), field]);
  const pairs = theirs.map((their): Pair => {
    const our = left.get(placeOf(their))?.shift();
    return our === undefined ? { theirs: their } : { ours: our, theirs: their };
  });
  return { pairs, left: [...left.values()].flat() };
}

const isEqual = (pair: Pair): pair is Required<Pair> =>
  pair.ours !== undefined &&
  pair.ours.lengthBytes === pair.theirs.lengthBytes &&
  isSameValue(pair.ours.value, pair.theirs.show);

const isPartOfMessage = ({ bytes, wireLength, kinds }: Frame): boolean =>
  bytes.length < wireLength || kinds.some((kind) => kind.endsWith('first fragment'));

function isSameLayers({ ours, theirs }: Answers['layers'], isPart: boolean): boolean {
  if (!isPart) return ours.join() === theirs.join();
  const found = (list: readonly string[]) => list.filter((layer) => !isProblem(layer));
  return `${found(ours).join()},`.startsWith(
    found(theirs)
      .map((layer) => `${layer},`)
      .join(''),
  );
}

/** `Nov 30, 2026 11:00:00.000000000 UTC`. */
const DATE = /^[A-Z][a-z]{2} .*UTC$/;

export const placeOf = ({ name, offset }: { name: string; offset: number }) => `${name} ${offset}`;

/**
 * Bytes are `0a:0b` there and `0a0b` here, times a date and seconds since 1970, and lines have their end; of long ones
 * and of groups ours has no value.
 */
export function isSameValue(value: Node['value'], show: string): boolean {
  switch (typeof value) {
    case 'undefined':
      return true;
    case 'number':
      return Number(show) === value || (DATE.test(show) && Date.parse(show) === value * 1_000);
    case 'boolean':
      return (show === '1' || show === 'True') === value;
    case 'string':
      return show === value || show.replaceAll(':', '') === value || show.replace(/(\n|\\r\\n)$/, '') === value;
  }
}
