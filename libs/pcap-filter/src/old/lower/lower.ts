import { tooLargeFault, unsupportedFault } from '../../fault.js';
import { countLeaves, leafOf, mapLeaves } from '../../logic.js';
import type { Meaning, Meanings } from '../../resolve/meaning.js';
import type { Ir } from './ir.js';
import { ETHERTYPE, type LinkLayer, type NetworkProtocol } from './link-layer.js';
import { lowerHost4, lowerHost6, lowerMac, lowerTransport } from './network.js';
import { lowerPorts } from './ports.js';
import { not, test } from './tests.js';

/** No filter of so many tests, each written out, was seen to fit into the kernel; optimising it would take too long. */
const MAX_TESTS = 24_576;

/**
 * Turns meanings into conditions over the packet's bytes, in the order in which libpcap's plain form tests them.
 * @throws BpfleetError `FILTER_TOO_LARGE` as soon as there are too many of them
 */
export function lower(meanings: Meanings, link: LinkLayer): Ir {
  if (meanings === undefined) return leafOf({ kind: 'always', value: true });
  let tests = 0;
  return mapLeaves(meanings, (meaning) => {
    const ir = lowerMeaning(meaning, link);
    tests += countLeaves(ir);
    if (tests > MAX_TESTS) throw tooLargeFault(`asks more than ${MAX_TESTS} questions about a packet`);
    return ir;
  });
}

function lowerMeaning(meaning: Meaning, link: LinkLayer): Ir {
  switch (meaning.kind) {
    case 'link-protocol': {
      const name = Object.entries(ETHERTYPE).find(([, type]) => type === meaning.protocol)?.[0];
      if (name === undefined) throw unsupportedFault(undefined, 'this term is not lowered yet');
      return link.carries(name as NetworkProtocol);
    }
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
    default:
      throw unsupportedFault(undefined, 'this term is not lowered yet');
  }
}
