import { SKF_LL_OFF } from '../opcodes.js';
import { loadBytes, OUTSIDE, UNKNOWN } from '../run/load.js';
import type { Packet } from '../run/packet.js';
import { type Knowledge, knownOf } from './knowledge.js';
import {
  anything,
  between,
  certain,
  either,
  isCertain,
  type Source,
  type Value,
  withBits,
  withoutSource,
} from './value.js';

/** An offset between more places than this is taken to be anywhere. */
const MOST_PLACES = 64;

/** What a load can do: end the program because it is outside, give a value, or, from an uncertain offset, either. */
export interface Loaded {
  readonly mayBeOutside: boolean;
  readonly value: Value | undefined;
  /** With what the way then knows of the loaded bytes. */
  readonly knowledge: Knowledge | undefined;
}

/** `size` bytes of a packet of which only the first part was kept. */
export function loadCut(packet: Packet, offset: Value, size: number, knowledge: Knowledge | undefined): Loaded {
  if (!isCertain(offset)) return loadSomewhere(packet, offset, size, knowledge);
  const number = loadBytes(packet, offset.low, size);
  if (number === OUTSIDE) return { mayBeOutside: true, value: undefined, knowledge };
  if (number !== UNKNOWN) return { mayBeOutside: false, value: certain(number), knowledge };
  const source: Source = { offset: offset.low, size, mask: wholeOf(size) };
  const known = knownOf(knowledge, source);
  if (known !== undefined) return { mayBeOutside: false, value: known.value, knowledge };
  const value = keptPart(packet, source);
  return { mayBeOutside: false, value, knowledge: { source, value, excluded: [], tested: [], earlier: knowledge } };
}

function loadSomewhere(packet: Packet, offset: Value, size: number, knowledge: Knowledge | undefined): Loaded {
  const { low, high } = offset;
  if (high - low <= MOST_PLACES && high < 0x8000_0000) return loadFromOneOf(packet, offset, size, knowledge);
  const mayBeInside = low + size <= packet.wireLength || high >= SKF_LL_OFF;
  return {
    mayBeOutside: high + size > packet.wireLength,
    value: mayBeInside ? between(0, wholeOf(size)) : undefined,
    knowledge,
  };
}

/** Looks at each place the load can be at: what they have in common is known. */
function loadFromOneOf(packet: Packet, offset: Value, size: number, knowledge: Knowledge | undefined): Loaded {
  let value: Value | undefined;
  let mayBeOutside = false;
  for (let place = offset.low; place <= offset.high; place++) {
    if (((place ^ offset.bits) & offset.known) !== 0) continue;
    const { value: here } = loadCut(packet, certain(place), size, undefined);
    if (here === undefined) mayBeOutside = true;
    else value = value === undefined ? withoutSource(here) : either(value, here);
  }
  return { mayBeOutside, value, knowledge };
}

/** The leading bytes of a load may be there. */
function keptPart(packet: Packet, source: Source): Value {
  const { offset, size, mask } = source;
  // Negative offsets count from a header's start: which bytes those are is not looked up again.
  if (offset >= 0x8000_0000) return { ...between(0, mask), source };
  let known = ~mask >>> 0;
  let bits = 0;
  for (let index = 0; index < size && offset + index < packet.capturedLength; index++) {
    const shift = 8 * (size - 1 - index);
    known = (known | (0xff << shift)) >>> 0;
    bits = (bits | ((packet.bytes[packet.start + offset + index] ?? 0) << shift)) >>> 0;
  }
  return withBits(known, bits, source);
}

const wholeOf = (size: number): number => (size === 4 ? anything.high : 2 ** (8 * size) - 1);
