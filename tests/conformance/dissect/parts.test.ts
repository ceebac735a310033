import { dissectPacket, type Node } from '@bpfleet/dissect';
import { expect, it } from 'vitest';
import { Random, seedOfRun } from '../random.js';
import { LINKS, randomFrame } from './frames.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;

const READ_AHEAD_BYTES = 8;
/** What the header calls the destination is a route's next hop when an option says so, which may be cut. */
const nameOf = (name: string) => (name === 'ip.cur_rt' ? 'ip.dst' : name);

/** Fields by name, place and value: what payloads have no value of, and what stands nowhere, is left out. */
function* valuesIn(nodes: readonly Node[]): Generator<string, void, void> {
  for (const { name, offset, lengthBytes, value, children } of nodes) {
    if (value !== undefined && lengthBytes > 0 && !name.startsWith('http.'))
      yield `${nameOf(name)} ${offset} ${lengthBytes} ${value}`;
    yield* valuesIn(children ?? []);
  }
}

it('a packet that is cut shows every field that was captured, as the whole packet does, and says that it is cut', () => {
  const random = new Random(seedOfRun());
  for (let frames = 0; frames < 400 * ROUNDS; frames++) {
    const linkType = random.of(LINKS);
    const { bytes } = randomFrame(random, linkType);
    const wireLength = bytes.length;
    const whole = dissectPacket({ bytes, linkType });
    const captured = random.below(wireLength);
    const cut = dissectPacket({ bytes: bytes.subarray(0, captured), linkType, wireLength });
    // The type of an option or a record is shown with its length: both or none.
    const expected = [...valuesIn(whole)].filter(
      (field) => Number(field.split(' ')[1]) + Number(field.split(' ')[2]) <= captured - READ_AHEAD_BYTES,
    );
    const seen = new Set(valuesIn(cut));
    const context = { seed: random.seed, frames, captured, bytes: Buffer.from(bytes).toString('hex') };
    expect({ ...context, missing: expected.filter((field) => !seen.has(field)) }).toEqual({ ...context, missing: [] });
    const known = new Set(valuesIn(whole));
    expect({ ...context, invented: [...seen].filter((field) => !known.has(field)) }).toEqual({
      ...context,
      invented: [],
    });
  }
});
