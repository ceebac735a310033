import { type Logic, leafOf, mapLeaves } from '../logic.js';
import type { Primitive, Term, Tree } from '../parse/tree.js';
import { resolveRelation } from './arithmetic.js';
import { resolveHost } from './hosts.js';
import { joinLists } from './join-lists.js';
import type { Meaning, Meanings } from './meaning.js';
import type { NameResolver } from './names.js';
import { resolveCast, resolveLlc, resolveNumbered } from './other-terms.js';
import { resolvePorts } from './ports.js';
import { resolveAbbreviation, resolveProtocol } from './protocols.js';
import { resolveWlanDirection, resolveWlanFrame } from './wlan.js';

/**
 * Says what every term means: fills in libpcap's defaults (`host`, `src or dst`, the protocols a value can be found in),
 * looks names up, makes lists of alternatives of one kind, and refuses qualifiers that do not go together.
 * @throws BpfleetError `FILTER_SYNTAX` or `FILTER_UNSUPPORTED`, with the span
 */
export function resolve(tree: Tree, names: NameResolver): Meanings {
  const resolved = resolveTerms(tree, names);
  return resolved && joinLists(resolved);
}

/** The same with every term for itself, at its place in the tree: neighbours are not joined. */
export function resolveTerms(tree: Tree, names: NameResolver): Meanings {
  return tree && mapLeaves(tree, (term) => resolveTerm(term, names));
}

function resolveTerm(term: Term, names: NameResolver): Logic<Meaning> {
  switch (term.kind) {
    case 'abbreviation':
      return leafOf(resolveAbbreviation(term));
    case 'length':
      return leafOf({ kind: 'length', limit: term.limit, bytes: term.bytes, span: term.span });
    case 'primitive':
      return resolvePrimitive(term, names);
    case 'relation':
      return leafOf(resolveRelation(term));
    case 'cast':
      return leafOf(resolveCast(term));
    case 'packet-direction':
      return leafOf({ kind: 'packet-direction', direction: term.direction, span: term.span });
    case 'numbered':
      return leafOf(resolveNumbered(term));
    case 'llc':
      return leafOf(resolveLlc(term));
    case 'wlan-frame':
      return leafOf(resolveWlanFrame(term));
    case 'wlan-direction':
      return leafOf(resolveWlanDirection(term));
  }
}

function resolvePrimitive(primitive: Primitive, names: NameResolver): Logic<Meaning> {
  switch (primitive.qualifiers.type) {
    case 'port':
    case 'portrange':
      return resolvePorts(primitive, names);
    case 'proto':
    case 'protochain':
      return resolveProtocol(primitive, names);
    default:
      return resolveHost(primitive, names);
  }
}
