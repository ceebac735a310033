import { leafOf, mapLeaves } from '../logic.js';
import type { Meaning, Meanings } from '../resolve/meaning.js';
import type { Ir } from './ir.js';
import type { LinkLayer } from './link-layer.js';
import { lowerHost4, lowerHost6, lowerMac, lowerTransport } from './network.js';
import { lowerPorts } from './ports.js';
import { not, test } from './tests.js';

/** Turns meanings into conditions over the packet's bytes, in the order in which libpcap's plain form tests them. */
export function lower(meanings: Meanings, link: LinkLayer): Ir {
  if (meanings === undefined) return leafOf({ kind: 'always', value: true });
  return mapLeaves(meanings, (meaning) => lowerMeaning(meaning, link));
}

function lowerMeaning(meaning: Meaning, link: LinkLayer): Ir {
  switch (meaning.kind) {
    case 'network':
      return link.carries(meaning.protocol);
    case 'transport':
      return lowerTransport(meaning, link);
    case 'host4':
      return lowerHost4(meaning, link);
    case 'host6':
      return lowerHost6(meaning, link);
    case 'ports':
      return lowerPorts(meaning, link);
    case 'mac':
      return lowerMac(meaning, link);
    case 'length':
      return meaning.limit === 'greater'
        ? test({ kind: 'length' }, 'ge', meaning.bytes)
        : not(test({ kind: 'length' }, 'gt', meaning.bytes));
  }
}
