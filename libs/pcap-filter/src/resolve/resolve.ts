import { type Logic, leafOf, mapLeaves } from '../logic.js';
import type { Primitive, Term, Tree } from '../parse/tree.js';
import { resolveHost } from './hosts.js';
import { joinLists } from './join-lists.js';
import type { Meaning, Meanings } from './meaning.js';
import type { NameResolver } from './names.js';
import { resolvePorts } from './ports.js';
import { resolveAbbreviation, resolveProtocolNumber } from './protocols.js';

/**
 * Says what every term means: fills in libpcap's defaults (`host`, `src or dst`, the protocols a value can be found in),
 * looks names up, makes lists of alternatives of one kind, and refuses qualifiers that do not go together.
 * @throws BpfleetError `FILTER_SYNTAX` or `FILTER_UNSUPPORTED`, with the span
 */
export function resolve(tree: Tree, names: NameResolver): Meanings {
  return tree && joinLists(mapLeaves(tree, (term) => resolveTerm(term, names)));
}

function resolveTerm(term: Term, names: NameResolver): Logic<Meaning> {
  switch (term.kind) {
    case 'abbreviation':
      return leafOf(resolveAbbreviation(term));
    case 'length':
      return leafOf({ kind: 'length', limit: term.limit, bytes: term.bytes });
    case 'primitive':
      return resolvePrimitive(term, names);
  }
}

function resolvePrimitive(primitive: Primitive, names: NameResolver): Logic<Meaning> {
  switch (primitive.qualifiers.type) {
    case 'port':
    case 'portrange':
      return leafOf(resolvePorts(primitive, names));
    case 'proto':
      return leafOf(resolveProtocolNumber(primitive, names));
    default:
      return resolveHost(primitive, names);
  }
}
