// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are pieces of source code
/** One mistake that somebody could make in the compiler. */
export interface Fault {
  /** Under libs/pcap-filter/src. */
  readonly file: string;
  /** Its first occurrence is replaced. */
  readonly find: string;
  readonly replace: string;
}

const fault = (file: string, find: string, replace: string): Fault => ({ file, find, replace });

/** Of every stage; each changes an answer on some packet, none only the price of a program. */
export const faults: readonly Fault[] = [
  // resolve
  fault('resolve/wlan.ts', 'const SUBTYPE_MASK = 0xf0;', 'const SUBTYPE_MASK = 0x70;'),
  fault('resolve/wlan.ts', "['fromds', 2]", "['fromds', 1]"),
  fault('resolve/wlan.ts', '0x80 beacon', '0x90 beacon'),
  fault(
    'resolve/ports.ts',
    'if (named === undefined) return restriction === undefined ? ALL',
    'if (named === undefined) return restriction === undefined ? [6, 17]',
  ),
  fault('resolve/join-lists.ts', "if (operator === 'or') return a.kind", "if (a.kind === 'leaf') return a.kind"),
  fault(
    'resolve/join-lists.ts',
    'return `${meaning.kind} ${meaning.direction} ${meaning.protocols}`;',
    'return `${meaning.kind} ${meaning.protocols}`;',
  ),
  fault(
    'resolve/join-lists.ts',
    "if (meaning.direction === 'src and dst') return Symbol('alone');\n      return `${meaning.kind} ${meaning.direction} ${meaning.carriers}`;",
    'return `${meaning.kind} ${meaning.direction} ${meaning.carriers}`;',
  ),
  // ranges
  fault('ir/ranges.ts', 'if (length > 0 && part.from <= last + 1)', 'if (length > 0 && part.from <= last + 2)'),
  fault(
    'ir/ranges.ts',
    'if (next <= ALL_BITS) bounds.push(next, ALL_BITS);',
    'if (next < 0xff) bounds.push(next, ALL_BITS);',
  ),
  fault('ir/ranges.ts', '(a[i + 1] ?? 0) < (b[j + 1] ?? 0)', '(a[i] ?? 0) < (b[j] ?? 0)'),
  // lower: hosts
  fault('lower/hosts.ts', 'arp: { source: 14, destination: 24 }', 'arp: { source: 14, destination: 28 }'),
  fault(
    'lower/hosts.ts',
    'IPV6_ADDRESSES = { source: 8, destination: 24 }',
    'IPV6_ADDRESSES = { source: 8, destination: 20 }',
  ),
  fault('lower/hosts.ts', "case 'src and dst':\n      return allOf(", "case 'src and dst':\n      return anyOf("),
  fault('lower/hosts.ts', 'context.scope.mplsLabels > 0 && meaning.carriers.length > 1', 'false'),
  fault('lower/hosts.ts', 'equals(load(place, long, 2), swapped)', 'equals(load(place, long, 2), address)'),
  // lower: link types
  fault(
    'lower/link-types.ts',
    "LINUX_SLL2: { framing: 'cooked2', name: 'Linux cooked v2', type: 0, payload: 20 }",
    "LINUX_SLL2: { framing: 'cooked2', name: 'Linux cooked v2', type: 0, payload: 16 }",
  ),
  fault('lower/link-types.ts', 'const QOS = 0x80;', 'const QOS = 0x40;'),
  fault('lower/link-types.ts', "binary('<<', at(3, 1), constant(8))", "binary('<<', at(3, 1), constant(4))"),
  fault('lower/link-types.ts', 'const SNAP_HEADER_BYTES = 8;', 'const SNAP_HEADER_BYTES = 6;'),
  fault('lower/link-types.ts', 'constant(3)), constant(0xffff_fffc)', 'constant(0)), constant(0xffff_fffc)'),
  // lower: protocols
  fault(
    'lower/protocol.ts',
    'return allOf(isLength, equals({ ...etherType, offset: etherType.offset + 2, size: 1 }, protocol));',
    'return equals({ ...etherType, offset: etherType.offset + 2, size: 1 }, protocol);',
  ),
  fault('lower/protocol.ts', '[LinkProtocol.ip6, 0x57]', '[LinkProtocol.ip6, 0x5d]'),
  fault('lower/protocol.ts', 'others: [24, 28, 30]', 'others: [24, 28]'),
  fault('lower/protocol.ts', 'live ? families.map(swapped) : families.flatMap', 'families.flatMap'),
  fault('lower/protocol.ts', 'equals(load(payload, 0, 2), 0xffff),', ''),
  fault(
    'lower/protocol.ts',
    'hasBits(load(moved(behindLabels, -2), 0, 1), 1)',
    'hasBits(load(moved(behindLabels, -1), 0, 1), 1)',
  ),
  fault('lower/protocol.ts', 'const SNAP_APPLETALK = 0x08_0007;', 'const SNAP_APPLETALK = 0;'),
  // lower: transport
  fault(
    'lower/transport.ts',
    'hasBits(load(ip, IPV4.fragment, 2), 0x1fff)',
    'hasBits(load(ip, IPV4.fragment, 2), 0x3fff)',
  ),
  fault(
    'lower/transport.ts',
    'allOf(equals(protocol, number), isFirst, found)',
    'allOf(equals(protocol, number), found)',
  ),
  fault(
    'lower/transport.ts',
    'allOf(equals(nextHeader, NEXT.fragment), equals(load(ip, IPV6.headerBytes, 1), number)),',
    '',
  ),
  fault('lower/transport.ts', 'this.#length(2, 4)', 'this.#length(1, 8)'),
  // lower: addresses and frames of the link
  fault('lower/mac.ts', 'first: 4, second: 10, third: 16, fourth: 24', 'first: 4, second: 10, third: 16, fourth: 22'),
  fault('lower/mac.ts', 'allOf(not(isClearOrAck), isAt(WLAN.second))', 'isAt(WLAN.second)'),
  fault('lower/llc.ts', 'ui: [0x03, 0xef]', 'ui: [0x03, 0xff]'),
  fault('lower/llc.ts', 'not(equals(load(payload, 0, 2), 0xffff))', 'always(true)'),
  // lower: encapsulations
  fault('lower/encapsulations.ts', '[0x8100, 0x88a8, 0x9100]', '[0x8100, 0x88a8]'),
  fault('lower/encapsulations.ts', 'const VLAN_ID = 0xfff;', 'const VLAN_ID = 0x1fff;'),
  fault(
    'lower/encapsulations.ts',
    'allOf(not(isPresent), assign(slot, constant(VLAN_TAG_BYTES))',
    'allOf(not(isPresent), assign(slot, constant(0))',
  ),
  fault('lower/encapsulations.ts', '(label << 12) >>> 0, 0xffff_f000', '(label << 12) >>> 0, 0xffff_ff00'),
  fault('lower/encapsulations.ts', 'const ppp = moved(place, 6);', 'const ppp = moved(place, 8);'),
  fault('lower/encapsulations.ts', 'constant(0x3f)', 'constant(0x1f)'),
  // lower: relations and the rest
  fault('lower/relations.ts', "'>': '<',", "'>': '>',"),
  fault('lower/relations.ts', 'return value === 0 ? NOTHING : between(0, value - 1);', 'return between(0, value);'),
  fault('lower/relations.ts', 'igrp: 9, udp: 17', 'igrp: 8, udp: 17'),
  fault(
    'lower/lower.ts',
    'atLeast(load(place, IPV4.destination, 1), 0xe0)',
    'equals(load(place, IPV4.destination, 1), 0xe0)',
  ),
  fault('lower/lower.ts', 'const OUTGOING = 4;', 'const OUTGOING = 3;'),
  // optimise
  fault('optimise/skip-decided.ts', 'if (target === REJECT || isInside(facts, step)) return true;', 'return true;'),
  fault(
    'optimise/skip-decided.ts',
    'return next !== undefined && isCoveredBy(facts, step, next.step);',
    'return true;',
  ),
  fault('optimise/skip-decided.ts', 'isDecided ? table.loadOf(loaded) : step', 'step'),
  fault('optimise/facts.ts', 'table.values.readsSlot(id, slot) ? undefined : knowledge', 'knowledge'),
  fault('optimise/facts.ts', 'return one === other ? one : null;', 'return one;'),
  fault(
    'optimise/knowledge.ts',
    'const mask = (a.known.mask & b.known.mask & ~(a.known.value ^ b.known.value)) >>> 0;',
    'const mask = (a.known.mask & b.known.mask) >>> 0;',
  ),
  fault(
    'optimise/knowledge.ts',
    'a.possible === b.possible ? a.possible : union(a.possible, b.possible)',
    'a.possible',
  ),
  fault(
    'optimise/simplify.ts',
    "return { kind: 'load', size, base: base.left, offset: (offset + base.right.value) >>> 0 };",
    "return { kind: 'load', size, base: base.left, offset };",
  ),
  fault('optimise/merge-equal.ts', '`${keyOf(node)} ${yes} ${no}`', '`${keyOf(node)} ${yes}`'),
  fault('optimise/drop-dead-slots.ts', 'unite(at(node.yes), at(node.no)', 'unite(at(node.yes), at(node.yes)'),
  fault('optimise/values.ts', 'return LARGEST[value.size];', 'return 0xff;'),
  // emit
  fault(
    'emit/condition-tree.ts',
    "if (startsBelow) return { kind: 'comparison', code: BPF.JGT",
    "if (startsBelow) return { kind: 'comparison', code: BPF.JGE",
  ),
  fault('emit/condition-tree.ts', 'const reachesEnd = to >= high;', 'const reachesEnd = to >= high - 1;'),
  fault('emit/blocks.ts', '(mask & (mask - 1)) === 0 && ', ''),
  fault(
    'emit/registers.ts',
    'const sameA = one.a?.id === other.a?.id && one.a?.mask === other.a?.mask;',
    'const sameA = one.a?.id === other.a?.id;',
  ),
  fault('emit/registers.ts', 'isThere || !usesX(first.value)', 'true'),
  fault('emit/registers.ts', "['+', '*', '&', '|', '^']", "['+', '*', '&', '|', '^', '-']"),
  fault('emit/registers.ts', 'x: one.x === other.x ? one.x : undefined', 'x: one.x'),
];
