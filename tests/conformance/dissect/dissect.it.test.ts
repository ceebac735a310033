import { spawnSync } from 'node:child_process';
import { LinkType, linkTypeName } from '@bpfleet/packet';
import { expect, it } from 'vitest';
import { type FlowEnds, liveFrames } from '../../environment/src/live-traffic/index.js';
import { suiteRequires } from '../../environment/src/requirements.js';
import { Coverage } from '../expressions/coverage.js';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';
import { answersOn, type Difference, differencesOf } from './comparison.js';
import { NAMED } from './exclusions.js';
import { FIELDS } from './fields.js';
import { type Frame, KINDS, LINKS, randomFrame } from './frames.js';
import { knownDifference } from './known-differences.js';
import { Score } from './score.js';
import { askTshark, knownFields } from './tshark.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
/** The short form compares the same packets each time; the long one others, and may find a difference that nobody knows yet. */
const SEED = ROUNDS === 1 && process.env.BPFLEET_TEST_SEED === undefined ? 32 : seedOfRun();
/** Of Ethernet; a quarter as many of each other link type. */
const FRAMES = 2_000 * ROUNDS;
/** Of live traffic, beside them. */
const LIVE_FRAMES = 500 * ROUNDS;
/** Of tshark's fields this many must be ours in name, place and value, and of ours tshark's. Known differences count as differences. */
const LEAST_EQUAL = 0.999;

const LIVE = 'live traffic';

const asked = spawnSync('tshark', ['--version'], { encoding: 'utf8' });
const tshark =
  asked.status === 0 ? { version: asked.stdout.split('\n')[0]! } : { unavailable: 'tshark is not installed' };

interface Figures {
  packets: number;
  equalPackets: number;
}

suiteRequires('dissection, against tshark', { tshark }, ({ tshark }) => {
  it(
    'gives the same layers, and fields of the same place and value',
    async () => {
      const random = new Random(SEED);
      const coverage = new Coverage();
      coverage.declare([...KINDS, LIVE, ...LINKS.map(linkTypeName), ...FIELDS]);
      const figures: Figures = { packets: 0, equalPackets: 0 };
      const score = new Score(knownFields());
      const known = new Map<string, number>();
      const different: string[] = [];
      for (const linkType of LINKS) {
        const count = linkType === LinkType.EN10MB ? FRAMES : Math.ceil(FRAMES / 4);
        const frames = Array.from({ length: count }, () => randomFrame(random, linkType));
        if (linkType === LinkType.EN10MB) frames.push(...liveTraffic());
        const wholes = askTshark(frames.filter(isPart).map(wholeOf), linkType);
        let at = 0;
        for await (const their of askTshark(frames, linkType)) {
          const frame = frames[at++]!;
          const answers = answersOn(frame, linkType, their);
          const whole = isPart(frame) ? await wholes.next() : undefined;
          coverage.add([linkTypeName(linkType), ...answers.frame.kinds, ...answers.theirs.map(({ name }) => name)]);
          const differences = differencesOf(answers);
          score.add(answers, differences, whole?.value ?? undefined);
          figures.packets++;
          if (differences.length === 0) figures.equalPackets++;
          for (const difference of differences) {
            const name = knownDifference(difference, answers);
            if (name !== undefined) known.set(name, (known.get(name) ?? 0) + 1);
            else different.push(describeDifference(difference, answers.frame));
          }
        }
        expect(at).toBe(frames.length);
        expect((await wholes.next()).done).toBe(true);
      }
      printFigures(random.seed, report(figures, score, known, coverage, tshark.version));
      expect(different).toEqual([]);
      for (const { theirs, missed, ours, extra } of [score.of(NAMED), score.of()]) {
        expect(1 - missed / theirs).toBeGreaterThanOrEqual(LEAST_EQUAL);
        expect(1 - extra / ours).toBeGreaterThanOrEqual(LEAST_EQUAL);
      }
      expect(coverage.rows().filter(([, count]) => count === 0)).toEqual([]);
    },
    60_000 * (1 + ROUNDS),
  );
});

/** Cut, or a first fragment. */
const isPart = ({ bytes, whole }: Frame): boolean => bytes.length < whole.length;
const wholeOf = (frame: Frame): Frame => ({ ...frame, bytes: frame.whole, wireLength: frame.whole.length });

/** Of a company network what has a message: DNS and ClientHellos. In noise tshark sees protocols that we do not read. */
function liveTraffic(): Frame[] {
  const frames: Frame[] = [];
  for (const frame of liveFrames(SEED, { liveFlows: 200 })) {
    if (frames.length === LIVE_FRAMES) break;
    const ports = [frame.flow.sourcePort, frame.flow.destinationPort];
    if (ports.includes(53) || isClientHello(frame)) frames.push({ ...frame, whole: frame.bytes, kinds: [LIVE] });
  }
  return frames;
}

/** By the record's and the handshake's type (RFC 5246, 6.2.1 and 7.4). */
function isClientHello({ bytes, flow }: { bytes: Uint8Array; flow: FlowEnds }): boolean {
  const payload = bytes.subarray(flow.source.includes(':') ? 74 : 54);
  return flow.destinationPort === 443 && payload[0] === 22 && payload[1] === 3 && payload[5] === 1;
}

const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(3)} %`;

function report(
  figures: Figures,
  score: Score,
  known: ReadonlyMap<string, number>,
  coverage: Coverage,
  version: string,
): string {
  return [
    `${figures.packets} packets, ${percent(figures.equalPackets, figures.packets)} without any difference; ${version}`,
    `  named protocols: ${bothWays(score, NAMED)}`,
    `  all protocols: ${bothWays(score, score.protocols)}`,
    `  by protocol: ${score.protocols.map((protocol) => `${protocol}: ${bothWays(score, [protocol])}`).join('\n    ')}`,
    `  of packets that are cut, or go on in another fragment, ${score.beforeTheCut} fields more that tshark shows of the whole packet only`,
    `  known differences: ${[...known].map(([name, count]) => `${name} ${count}`).join(', ') || 'none seen'}`,
    `  ${coverage.says}`,
  ].join('\n');
}

function bothWays(score: Score, protocols: readonly string[]): string {
  const { theirs, missed, byPlace, ours, extra } = score.of(protocols);
  const equal = theirs - missed;
  const how = `${equal - byPlace} by value, ${byPlace} by place and length alone, ${missed} not`;
  return `${percent(equal, theirs)} of tshark's ${theirs} fields are ours (${how}), ${percent(ours - extra, ours)} of our ${ours} are tshark's (${extra} not)`;
}

function describeDifference({ ours, theirs, layers }: Difference, { bytes, wireLength, kinds }: Frame): string {
  const what = layers
    ? `ours ${layers.ours}; theirs ${layers.theirs}`
    : `ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(theirs)}`;
  return `${what} on ${Buffer.from(bytes).toString('hex')} of ${wireLength} bytes (${kinds.join(', ')})`;
}
