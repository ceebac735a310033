import { syntaxFault } from '../fault.js';
import { shortened } from '../lex/lex.js';
import type { Cast, Llc, Numbered } from '../parse/tree.js';
import type { LlcFrame, Meaning } from './meaning.js';

/** The largest number that may stand behind each word, by the width of its field. */
const LARGEST = {
  ifindex: 0xffff_ffff,
  vlan: 0xfff,
  mpls: 0xf_ffff,
  pppoes: 0xffff,
  geneve: 0xff_ffff,
  vxlan: 0xff_ffff,
};

export function resolveNumbered({ word, numbers, span }: Numbered): Meaning {
  if (word === 'pppoed') return { kind: 'pppoe-discovery', span };
  const largest = LARGEST[word];
  for (const { to } of numbers) {
    if (to > largest) throw syntaxFault(span, `“${word} ${to}” cannot be; the largest is ${largest}`);
  }
  const first = numbers[0]?.from;
  switch (word) {
    case 'ifindex':
      return { kind: 'interface-index', index: first ?? 0, span };
    case 'vlan':
      return { kind: 'vlan', span, ...(numbers.length > 0 && { ids: numbers }) };
    case 'mpls':
      return { kind: 'mpls', span, ...(first !== undefined && { label: first }) };
    case 'pppoes':
      return { kind: 'pppoe-session', span, ...(first !== undefined && { session: first }) };
    case 'geneve':
    case 'vxlan':
      return { kind: word, span, ...(first !== undefined && { vni: first }) };
  }
}

export function resolveCast({ cast, protocol, span }: Cast): Meaning {
  const layer = protocol === undefined || protocol === 'ether' ? 'link' : protocol;
  const known = layer === 'link' || layer === 'ip' || (layer === 'ip6' && cast === 'multicast');
  if (!known) {
    const layers = cast === 'broadcast' ? '“ether” and “ip”' : '“ether”, “ip” and “ip6”';
    throw syntaxFault(span, `there is no “${layer} ${cast}”; ${layers} have one`, `ether ${cast}`);
  }
  return { kind: 'cast', layer, cast, span };
}

const LLC_FRAMES: readonly string[] = 'i s u rr rnr rej ui ua disc dm sabme test xid frmr'.split(' ');

export function resolveLlc({ frame, span }: Llc): Meaning {
  if (frame === undefined) return { kind: 'llc', frame: 'any', span };
  const name = frame.toLowerCase();
  if (LLC_FRAMES.includes(name)) return { kind: 'llc', frame: name as LlcFrame, span };
  throw syntaxFault(span, `“${shortened(frame)}” is no kind of LLC frame`, `one of: ${LLC_FRAMES.join(', ')}`);
}
