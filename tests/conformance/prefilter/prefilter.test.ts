import { interpret, interpretThreeValued, type Packet } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type CompileOptions, compile, mayMatch, prefilterOf, printPrefilter, printToken } from '@bpfleet/pcap-filter';
import { expect, it } from 'vitest';
import { newCoverage, randomExpression } from '../expressions/expressions.js';
import { printFigures } from '../figures.js';
import { type LinkForm, linkForms } from '../link-types.js';
import { randomFrame } from '../packets/frames.js';
import { whole } from '../packets/packets.js';
import { reaching, steer } from '../packets/steer.js';
import { Random, seedOfRun } from '../random.js';
import { withExtension } from './extensions.js';
import { tokensOf } from './walk.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const EXPRESSIONS = 500 * ROUNDS;
const PACKETS = 20;
/** What the store can hold: only Ethernet comes from a kernel with something beside the bytes. */
const storedForms = linkForms.filter(({ linkType, live }) => !live || linkType === 'EN10MB');

it(
  'no packet that the filter matches is missed by its prefilter',
  () => {
    const seed = seedOfRun();
    const random = new Random(seed);
    const coverage = newCoverage();
    const count = { expressions: 0, pairs: 0, pruned: 0, accepted: 0, everything: 0 };
    while (count.expressions < EXPRESSIONS) {
      const { text: written, form } = randomExpression(random, coverage, storedForms);
      const text = random.chance(20) ? withExtension(written, random) : written;
      const options = optionsOf(form, random);
      const programs = programsOf(text, options);
      if (programs === undefined) continue;
      const prefilter = prefilterOf(text, { ...options, optimize: false });
      count.expressions++;
      if (prefilter.kind === 'all') count.everything++;
      for (let index = 0; index < PACKETS; index++) {
        const packet = packetFor(programs.plain, form, random);
        const tokens = tokensOf(packet, form);
        const isPruned = !mayMatch(prefilter, (token) => tokens.has(printToken(token)));
        const verdicts: number[] = Object.values(programs).map((program) => interpret(program, packet));
        count.pairs++;
        if (isPruned) count.pruned++;
        if (verdicts.some((verdict) => verdict !== 0)) count.accepted++;
        if (!isPruned) continue;
        const threeValued = interpretThreeValued(programs.plain, packet);
        if ([...verdicts, threeValued].every((verdict) => verdict === 0)) continue;
        const hex = Buffer.from(packet.bytes).toString('hex');
        expect.fail(
          `seed ${seed}, ${form.name}, ${JSON.stringify(options.extensions)}: “${text}” ${verdicts}\n${printPrefilter(prefilter)}\n${hex}`,
        );
      }
    }
    printFigures(
      seed,
      `prefilter: ${count.pairs} (expression, packet) pairs, ${count.expressions} expressions, 0 missed; ` +
        `${percent(count.accepted, count.pairs)} accepted, ${percent(count.pruned, count.pairs)} pruned, ` +
        `${percent(count.everything, count.expressions)} of the expressions prune nothing`,
    );
    expect(count.accepted / count.pairs).toBeGreaterThan(0.1);
    expect(count.pruned / count.pairs).toBeGreaterThan(0.1);
  },
  60_000 * ROUNDS,
);

const percent = (part: number, of: number) => `${((100 * part) / of).toFixed(1)} %`;

function optionsOf({ linkType, live }: LinkForm, random: Random): CompileOptions {
  const extensions = {
    scopedEncapsulation: random.chance(20),
    vlanTransparent: random.chance(10),
    ipv6ExtensionHeaders: random.chance(20) ? 3 : 0,
  };
  return { linkType, live, netmask: '255.255.255.0', extensions };
}

function programsOf(text: string, options: CompileOptions) {
  try {
    const plain = compile(text, { ...options, optimize: false }).program;
    return { plain, optimised: optimisedOr(plain, text, options) };
  } catch (error) {
    if (error instanceof BpfleetError) return undefined;
    throw error;
  }
}

function optimisedOr(plain: ReturnType<typeof compile>['program'], text: string, options: CompileOptions) {
  try {
    return compile(text, options).program;
  } catch (error) {
    if (error instanceof BpfleetError && error.code === 'NEVER_MATCHES') return plain;
    throw error;
  }
}

/** A frame of the link type, mostly led to where the program accepts it. */
function packetFor(program: Parameters<typeof steer>[0], form: LinkForm, random: Random): Packet {
  const frame = Uint8Array.from(randomFrame(random, form));
  const metadata = form.live
    ? {
        ...{ protocol: 0x0800, packetType: random.below(5), interfaceIndex: random.of([1, 2, 7]) },
        ...{ vlanTagPresent: random.chance(45), vlanTci: random.of([0, 1, 10, 100, random.below(65536)]) },
        vlanProtocol: 0x8100,
      }
    : undefined;
  if (random.chance(75)) steer(program, frame, metadata, reaching(program, true), random, 5);
  return whole(frame, metadata);
}
