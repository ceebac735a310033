import type { Random } from '../random.js';

/** Values that lengths, counts and pointers are afraid of. */
const NASTY = [0, 1, 2, 3, 4, 5, 7, 8, 0x0c, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xc1, 0xfe, 0xff];

/** The same bytes with a few changed, put in, taken out or repeated: mostly still a packet, with something wrong inside. */
export function mutate(random: Random, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let mutated = Uint8Array.from(bytes);
  for (let count = random.of([1, 1, 1, 2, 4, 16]); count > 0 && mutated.length > 0; count--) {
    const at = random.below(mutated.length);
    const size = 1 + random.below(8);
    switch (random.below(8)) {
      case 0:
        mutated = mutated.slice(0, at);
        break;
      case 1:
        mutated = joined(mutated.subarray(0, at), mutated.subarray(at + size));
        break;
      case 2:
        mutated = joined(mutated.subarray(0, at + size), mutated.subarray(at));
        break;
      case 3:
        mutated[at] = random.below(256);
        break;
      case 4:
        mutated[at] = mutated[at]! ^ (1 << random.below(8));
        break;
      default:
        mutated[at] = random.of(NASTY);
    }
  }
  return mutated;
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(head.length + tail.length);
  both.set(head);
  both.set(tail, head.length);
  return both;
}
