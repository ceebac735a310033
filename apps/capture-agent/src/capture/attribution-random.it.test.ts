import { type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { compile } from '@bpfleet/pcap-filter';
import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newCoverage, randomExpression } from '../../../../tests/conformance/expressions/expressions.js';
import { printFigures } from '../../../../tests/conformance/figures.js';
import { linkFormNamed } from '../../../../tests/conformance/link-types.js';
import { Random, seedOfRun } from '../../../../tests/conformance/random.js';
import { SteeredPackets } from '../../../../tests/conformance/self-test/steered-packets.js';
import { AloneRig, difference } from '../testing/alone-rig.js';

const possible = await canMakeHosts();
/** 250 sets, a million packets, in the long form: `BPFLEET_TEST_ROUNDS=50`. */
const SETS = 5 * Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const PACKETS_A_SET = 4_000;
const FILTERS = 20;
const SNAPLENS = [54, 96, 128, 1500, 262_144];
const seed = seedOfRun();
const title = possible.ok
  ? `attribution of random filters, seed ${seed}`
  : `attribution of random filters [skipped: ${possible.reason}]`;

const ON_THE_WIRE = linkFormNamed('EN10MB');
const IN_THE_KERNEL = linkFormNamed('EN10MB live');
/** With a tag and its four bytes more. */
const LARGEST_FRAME_BYTES = 1518;
const HEADER_BYTES = 14;

interface Drawn {
  readonly text: string;
  readonly productions: ReadonlySet<string>;
  readonly onTheWire: Program;
}

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let rig: AloneRig;
  const random = new Random(seed);
  /** What is drawn steers what is drawn next; only what was attributed counts as covered. */
  const [drawn, attributed] = [newCoverage(), newCoverage()];
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    rig = new AloneRig(hosts.host(1), hosts.hub);
    await rig.start();
  });
  afterAll(async () => {
    await rig.stop();
    await hosts.remove();
  });

  /** One that can match both in the kernel and, with the tag in the bytes, on the wire. */
  function expression(): Drawn {
    for (;;) {
      const { text, productions } = randomExpression(random, drawn, [IN_THE_KERNEL]);
      drawn.add(productions);
      try {
        compile(text, { live: true });
        return { text, productions, onTheWire: compile(text).program };
      } catch (error) {
        // One in some is written wrong on purpose, or can never match.
        if (!(error instanceof BpfleetError)) throw error;
      }
    }
  }

  it(`is the kernel's verdict of each alone: ${SETS} sets of ${FILTERS}, ${SETS * PACKETS_A_SET} packets`, {
    timeout: 60_000 + 10_000 * SETS,
  }, async () => {
    let [matches, filtersMatched] = [0, 0];
    for (let round = 0; round < SETS; round++) {
      const expressions = Array.from({ length: FILTERS }, expression);
      // Some sets keep little of any packet: then too each is decided on all that its filter asks for.
      const snaplens = random.chance(30) ? [random.of(SNAPLENS)] : SNAPLENS;
      const filters = expressions.map(({ text }, index) => ({
        ...{ filter: `f${round}-${index}`, version: 1, expression: text, interfaces: ['eth0'] },
        snaplenBytes: random.of(snaplens),
      }));
      await rig.run(filters);
      const packets = new SteeredPackets(
        expressions.map(({ onTheWire }) => onTheWire),
        ON_THE_WIRE,
        random,
      );
      const frames = Array.from({ length: PACKETS_A_SET }, () => packets.next().bytes);
      await rig.send(frames.filter(({ length }) => length >= HEADER_BYTES && length <= LARGEST_FRAME_BYTES));
      const found = await rig.matches();
      expect(found.map(difference)).toEqual(found.map(() => undefined));
      for (const { productions } of expressions) attributed.add(productions);
      matches += found.reduce((sum, { alone }) => sum + alone.length, 0);
      filtersMatched += found.filter(({ alone }) => alone.length > 0).length;
    }
    printFigures(
      seed,
      `${SETS} sets of ${FILTERS} filters, ${SETS * PACKETS_A_SET} packets: ` +
        `${matches} matches of ${filtersMatched} filters, 0 different\n  ${attributed.says}`,
    );
    // Packets are led to both ends of each.
    expect(filtersMatched).toBeGreaterThan(0.8 * SETS * FILTERS);
  });
});
