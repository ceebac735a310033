import type { Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { compile } from '@bpfleet/pcap-filter';
import { mayHold, planSections, type SectionIndex } from '@bpfleet/pruning';
import { forEachPacket, readSection } from '@bpfleet/section';
import { expect, it, onTestFailed } from 'vitest';
import { packetPredicates } from '../../../apps/analytics/src/packets/packet-predicate.js';
import { IndexedSections } from '../../../apps/analytics/src/pruning/indexed-sections.js';
import { newCoverage, randomExpression } from '../expressions/expressions.js';
import { printFigures } from '../figures.js';
import { type LinkForm, linkForms } from '../link-types.js';
import { Random, seedOfRun } from '../random.js';
import { withExtension } from './extensions.js';
import { type RandomPacket, randomPacket, sectionWith } from './random-sections.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const EXPRESSIONS = 400 * ROUNDS;
/** Of packets made for the expression, and of any. */
const STEERED = 10;
const OTHERS = 250;
const MOST_PACKETS = 4;
/** What the store can hold: only Ethernet comes from a kernel with something beside the bytes. */
const storedForms = linkForms.filter(({ linkType, live }) => !live || linkType === 'EN10MB');

interface Made {
  readonly body: Uint8Array;
  readonly index: SectionIndex;
}

it(
  'leaves out no section with a packet that the expression matches, or leaves undecided',
  () => {
    const seed = seedOfRun();
    onTestFailed(() => console.error(`seed ${seed}`));
    const random = new Random(seed);
    const coverage = newCoverage();
    const others = Array.from({ length: 2000 }, () => randomSection(random));
    const count = { expressions: 0, pairs: 0, opaque: 0, pruned: 0, holding: 0, everything: 0 };
    while (count.expressions < EXPRESSIONS) {
      const { text: written, form } = randomExpression(random, coverage, storedForms);
      const text = random.chance(20) ? withExtension(written, random) : written;
      const predicateOf = predicatesOf(text);
      if (predicateOf === undefined) continue;
      count.expressions++;
      const test = planSections(text);
      if (test.kind === 'all') count.everything++;
      const program = programOf(text, form);
      const steered = Array.from({ length: STEERED }, () => randomSection(random, form, program));
      const start = random.below(others.length - OTHERS);
      for (const made of [...steered, ...others.slice(start, start + OTHERS)]) {
        count.pairs++;
        if (made.index.opaque) count.opaque++;
        const isPruned = !mayHold(test, made.index);
        if (isPruned) count.pruned++;
        // What is not pruned is only counted.
        if (!isPruned && !steered.includes(made)) continue;
        const found = foundIn(made.body, predicateOf);
        if (found === undefined) continue;
        count.holding++;
        if (isPruned)
          expect.fail(`seed ${seed}: “${text}” is ${found} in a section that was left out\n${JSON.stringify(test)}`);
      }
    }
    const share = (part: number, of: number) => `${((100 * part) / of).toFixed(1)} %`;
    printFigures(
      seed,
      `pruning: ${count.pairs} (expression, section) pairs, ${count.expressions} expressions, 0 left out wrongly; ` +
        `${share(count.pruned, count.pairs)} pruned, ${share(count.opaque, count.pairs)} opaque, ` +
        `${share(count.holding, STEERED * count.expressions)} of those made for the expression hold a match, ` +
        `${share(count.everything, count.expressions)} of the expressions prune nothing`,
    );
    expect(count.pruned / count.pairs).toBeGreaterThan(0.1);
    expect(count.holding / (STEERED * count.expressions)).toBeGreaterThan(0.3);
  },
  120_000 * ROUNDS,
);

const indexed = new IndexedSections();

function randomSection(random: Random, form?: LinkForm, program?: Program): Made {
  const chosen = form ?? random.of(storedForms);
  const packets: RandomPacket[] = Array.from({ length: 1 + random.below(MOST_PACKETS) }, () =>
    randomPacket(random, random.chance(95) ? chosen : random.of(storedForms)),
  );
  if (program !== undefined) packets.push(randomPacket(random, chosen, program));
  const body = sectionWith(packets);
  return { body, index: indexed.indexOf(readSection(body), body) };
}

/** The first packet that a query must see, in hex. */
function foundIn(body: Uint8Array, predicateOf: ReturnType<typeof packetPredicates>): string | undefined {
  const { interfaces } = readSection(body);
  let found: string | undefined;
  forEachPacket(body, (packet) => {
    const { linkType } = interfaces[packet.interfaceId]!;
    const verdict = predicateOf(linkType)(body, packet);
    if (verdict === 'no') return true;
    const hex = Buffer.from(body.subarray(packet.start, packet.start + packet.capturedLength)).toString('hex');
    found = `${verdict} (link type ${linkType}, ${packet.wireLength} bytes, flags ${packet.flags}: ${hex})`;
    return false;
  });
  return found;
}

/** Made once for each link type, as a query does. */
function predicatesOf(text: string): ReturnType<typeof packetPredicates> | undefined {
  try {
    const make = packetPredicates(text);
    const made = new Map<number, ReturnType<typeof make>>();
    return (linkType) => {
      const known = made.get(linkType) ?? make(linkType);
      made.set(linkType, known);
      return known;
    };
  } catch (error) {
    if (error instanceof BpfleetError) return undefined;
    throw error;
  }
}

function programOf(text: string, { linkType, live }: LinkForm): Program | undefined {
  try {
    return compile(text, { linkType, live, optimize: false }).program;
  } catch (error) {
    if (error instanceof BpfleetError) return undefined;
    throw error;
  }
}
