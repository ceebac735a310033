import { forEachPacket, readSection } from '@bpfleet/section';
import { describe } from 'vitest';
import { itReadsOrRefuses } from './reads-or-refuses.js';
import { section } from './valid-captures.js';

/** The smallest interface description block: what is made of a section stays in proportion to its bytes. */
const SMALLEST_INTERFACE_BYTES = 20;

function read(bytes: Uint8Array): boolean {
  const { packets, interfaces, hardware = '', operatingSystem = '', application = '' } = readSection(bytes);
  let [walked, packetBytes] = [0, 0];
  forEachPacket(bytes, ({ start, capturedLength, interfaceId }) => {
    walked++;
    packetBytes += capturedLength;
    if (start + capturedLength > bytes.length || interfaceId >= interfaces.length)
      throw new RangeError('out of bounds');
    return true;
  });
  const texts = interfaces.flatMap(({ name, description = '', filter = '', digests = '' }) => [
    name,
    description,
    filter,
    digests,
  ]);
  const characters = [...texts, hardware, operatingSystem, application].reduce((sum, { length }) => sum + length, 0);
  const isInProportion =
    packetBytes + characters <= bytes.length && interfaces.length * SMALLEST_INTERFACE_BYTES <= bytes.length;
  if (walked !== packets || !isInProportion) throw new RangeError(`${walked} packets of ${packets}`);
  return true;
}

describe('a section', () => {
  itReadsOrRefuses({ name: 'sections', valid: [section()], read, refusals: ['SECTION_CORRUPT'] });
});
