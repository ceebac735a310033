import { LinkType } from '@bpfleet/packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dissectPacket } from './dissect-packet.js';
import { nodesOf } from './testing/find.js';

const linkTypes = [...Object.values(LinkType), 147];

describe('any bytes', () => {
  it('give a tree whose nodes stand in what was captured, and whose text holds no control character', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(...linkTypes),
        fc.nat(100),
        (bytes, linkType, cut) => {
          for (const node of nodesOf(dissectPacket({ bytes, linkType, wireLength: bytes.length + cut }))) {
            expect(node.offset).toBeLessThanOrEqual(bytes.length);
            expect(node.offset + node.lengthBytes).toBeLessThanOrEqual(bytes.length);
            expect(node.text).toMatch(/^[\x20-\x7e]*$/);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
