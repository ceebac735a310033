import type { Packet } from '@bpfleet/bpf';
import type { Difference } from '../comparison.js';

/** Whether these still differ, and as what; undefined when not. */
export type StillDiffers = (expression: string, packet: Packet | undefined) => Difference | undefined;

/** The smallest pair around a difference that greedy steps find: fewer words, shorter packet, more zeros. */
export function shrink(difference: Difference, stillDiffers: StillDiffers): Difference {
  let smallest = difference;
  for (let round = 0; round < 4; round++) {
    const before = JSON.stringify([smallest.expression, smallest.packet?.bytes.length]);
    smallest = shrinkExpression(smallest, stillDiffers);
    if (smallest.packet !== undefined) smallest = shrinkPacket(smallest, smallest.packet, stillDiffers);
    if (JSON.stringify([smallest.expression, smallest.packet?.bytes.length]) === before) break;
  }
  return smallest;
}

/** Leaves out runs of words, long ones first. What is left need not be a term of the old: it only has to compile and differ. */
function shrinkExpression(from: Difference, stillDiffers: StillDiffers): Difference {
  let smallest = from;
  let words = wordsOf(smallest.expression);
  for (let size = words.length - 1; size > 0; ) {
    let found = false;
    for (let at = 0; at + size <= words.length; at++) {
      const fewer = [...words.slice(0, at), ...words.slice(at + size)];
      const result = stillDiffers(fewer.join(' '), smallest.packet);
      if (result === undefined) continue;
      smallest = result;
      words = fewer;
      found = true;
      break;
    }
    size = found ? Math.min(size, words.length - 1) : size - 1;
  }
  return smallest;
}

/** An accessor `tcp[13:1]` is one word; brackets and signs are words of their own. */
export function wordsOf(expression: string): string[] {
  return expression.match(/[a-z0-9]+\[[^[\]]*\]|[-+*/%&|^<>=!]+|[()[\]]|[^\s()[\]+*%&|^<>=!]+/gi) ?? [];
}

function shrinkPacket(from: Difference, packet: Packet, stillDiffers: StillDiffers): Difference {
  let smallest = from;
  let bytes = Uint8Array.from(packet.bytes);
  const attempt = (changed: Uint8Array<ArrayBuffer>): boolean => {
    const { metadata } = packet;
    const length = { capturedLength: changed.length, wireLength: changed.length };
    const result = stillDiffers(smallest.expression, {
      bytes: changed,
      start: 0,
      ...length,
      ...(metadata && { metadata }),
    });
    if (result === undefined) return false;
    smallest = result;
    bytes = changed;
    return true;
  };
  for (let step = bytes.length >> 1; step > 0; step >>= 1) {
    while (bytes.length > step && attempt(bytes.slice(0, bytes.length - step)));
  }
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === 0) continue;
    const zeroed = bytes.slice();
    zeroed[at] = 0;
    attempt(zeroed);
  }
  return smallest;
}
