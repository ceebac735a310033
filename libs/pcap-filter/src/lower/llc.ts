import { unsupportedFault } from '../fault.js';
import type { Ir } from '../ir/ir.js';
import { allOf } from '../logic.js';
import type { LlcFrame, Meaning } from '../resolve/meaning.js';
import { atMost, equals, not } from './conditions.js';
import { isDataFrame } from './protocol.js';
import { type Context, load } from './scope.js';

/** The control field's first byte (IEEE 802.2, 5.4): what must stand there under which mask. */
const CONTROL: Readonly<Record<Exclude<LlcFrame, 'any'>, readonly [value: number, mask: number]>> = {
  i: [0x00, 0x01],
  s: [0x01, 0x03],
  u: [0x03, 0x03],
  rr: [0x01, 0x0f],
  rnr: [0x05, 0x0f],
  rej: [0x09, 0x0f],
  ui: [0x03, 0xef],
  ua: [0x63, 0xef],
  disc: [0x43, 0xef],
  dm: [0x0f, 0xef],
  sabme: [0x6f, 0xef],
  test: [0xe3, 0xef],
  xid: [0xaf, 0xef],
  frmr: [0x87, 0xef],
};

/** `llc`, `llc rr`: on Ethernet a frame with a length in the type's place, but not Novell's bare IPX. */
export function lowerLlc({ frame, span }: Extract<Meaning, { kind: 'llc' }>, { scope }: Context): Ir {
  if (scope.framing !== 'ethernet' && scope.framing !== 'wlan' && scope.framing !== 'tunnel') {
    throw unsupportedFault(span, `there are no LLC headers on ${scope.linkName}`);
  }
  const { type, payload } = scope;
  const isLlc =
    scope.framing === 'wlan'
      ? isDataFrame(scope)
      : allOf(atMost(load(type, 0, 2), 1500), not(equals(load(payload, 0, 2), 0xffff)));
  if (frame === 'any') return isLlc;
  const [value, mask] = CONTROL[frame];
  return allOf(isLlc, equals(load(payload, 2, 1), value, mask));
}
