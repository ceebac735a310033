import { evaluate } from '../../../libs/pcap-filter/src/ir/evaluate.js';
import type { Ir } from '../../../libs/pcap-filter/src/ir/ir.js';
import { lex } from '../../../libs/pcap-filter/src/lex/lex.js';
import { type LowerOptions, lower } from '../../../libs/pcap-filter/src/lower/lower.js';
import { parse } from '../../../libs/pcap-filter/src/parse/parse.js';
import { printCondition } from '../../../libs/pcap-filter/src/print/print-ir.js';
import { printLogic } from '../../../libs/pcap-filter/src/print/print-logic.js';
import { resolverOf } from '../../../libs/pcap-filter/src/resolve/names.js';
import { resolve } from '../../../libs/pcap-filter/src/resolve/resolve.js';
import { whole } from '../packets/packets.js';

const PLAIN: LowerOptions = {
  ...{ linkType: 'EN10MB', live: false, netmask: undefined },
  ...{ scopedEncapsulation: false, vlanTransparent: false, ipv6ExtensionHeaders: 0 },
};
const names = resolverOf();

/** The conditions of an expression: the front of the compiler without its back. */
export function lowered(expression: string, options: Partial<LowerOptions> = {}): Ir {
  return lower(resolve(parse(lex(expression)), names), { ...PLAIN, ...options });
}

/** In one line. */
export function conditionsOf(expression: string, options: Partial<LowerOptions> = {}): string {
  return printLogic(lowered(expression, options), printCondition).replace(/\s+/g, ' ');
}

/** Whether a packet of these bytes has what the expression says. */
export function holdsFor(
  expression: string,
  bytes: readonly number[] | Uint8Array,
  options: Partial<LowerOptions> = {},
  metadata?: Parameters<typeof whole>[1],
): boolean {
  return evaluate(lowered(expression, options), whole(Uint8Array.from(bytes), metadata));
}
