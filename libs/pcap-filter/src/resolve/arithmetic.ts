import { syntaxFault } from '../fault.js';
import type { Calculation, Relation } from '../parse/tree.js';
import type { AccessorProtocol, Arithmetic, Meaning } from './meaning.js';

/** From the words that `[…]` may stand behind to what they count from. */
const ACCESSORS: ReadonlyMap<string, AccessorProtocol> = new Map([
  ['ether', 'link'],
  ...(
    'radio ip ip6 arp rarp atalk decnet lat sca moprc mopdl tcp udp sctp icmp icmp6 igmp igrp pim vrrp carp'.split(
      ' ',
    ) as AccessorProtocol[]
  ).map((protocol) => [protocol, protocol] as const),
]);

export function resolveRelation({ left, comparison, right, span }: Relation): Meaning {
  return { kind: 'relation', left: resolveCalculation(left), comparison, right: resolveCalculation(right), span };
}

function resolveCalculation(calculation: Calculation): Arithmetic {
  switch (calculation.kind) {
    case 'number':
      return { kind: 'number', value: calculation.value };
    case 'length':
      return { kind: 'length' };
    case 'negate':
      return { kind: 'negate', operand: resolveCalculation(calculation.operand) };
    case 'binary':
      return {
        kind: 'binary',
        operator: calculation.operator,
        left: resolveCalculation(calculation.left),
        right: resolveCalculation(calculation.right),
      };
    case 'accessor': {
      const protocol = ACCESSORS.get(calculation.protocol);
      if (protocol === undefined) {
        throw syntaxFault(
          calculation.span,
          `bytes of “${calculation.protocol}” cannot be read by “[…]”`,
          'count from the network header: ip[20], ip6[40]; or from the link layer: link[14]',
        );
      }
      const size = calculation.size as 1 | 2 | 4;
      return { kind: 'accessor', protocol, index: resolveCalculation(calculation.index), size, span: calculation.span };
    }
  }
}
