import { spawnSync } from 'node:child_process';
import { linkTypeName } from '@bpfleet/packet';
import { expect, it } from 'vitest';
import { suiteRequires } from '../../environment/src/requirements.js';
import { Coverage } from '../expressions/coverage.js';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';
import { type Answers, answersOn, type Difference, differencesOf } from './comparison.js';
import { FIELDS } from './fields.js';
import { type Frame, KINDS, LINKS, randomFrame } from './frames.js';
import { knownDifference } from './known-differences.js';
import { askTshark } from './tshark.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
/** The short form compares the same packets each time; the long one others, and may find a difference that nobody knows yet. */
const SEED = ROUNDS === 1 && process.env.BPFLEET_TEST_SEED === undefined ? 32 : seedOfRun();
/** Of Ethernet; a quarter as many of each other link type. */
const FRAMES = 2_000 * ROUNDS;
/** The known differences are counted as such: of all fields, these must be the same in name, place and value. */
const LEAST_EQUAL = 0.999;

const asked = spawnSync('tshark', ['--version'], { encoding: 'utf8' });
const tshark =
  asked.status === 0 ? { version: asked.stdout.split('\n')[0]! } : { unavailable: 'tshark is not installed' };

interface Figures {
  packets: number;
  fields: number;
  equalFields: number;
  equalPackets: number;
}

suiteRequires('dissection, against tshark', { tshark }, ({ tshark }) => {
  it(
    'gives the same layers, and fields of the same place and value',
    async () => {
      const random = new Random(SEED);
      const coverage = new Coverage();
      coverage.declare([...KINDS, ...LINKS.map(linkTypeName), ...FIELDS]);
      const figures: Figures = { packets: 0, fields: 0, equalFields: 0, equalPackets: 0 };
      const known = new Map<string, number>();
      const different: string[] = [];
      for (const linkType of LINKS) {
        const count = linkType === 1 ? FRAMES : Math.ceil(FRAMES / 4);
        const frames = Array.from({ length: count }, () => randomFrame(random, linkType));
        let at = 0;
        for await (const their of askTshark(frames, linkType)) {
          const answers = answersOn(frames[at++]!, linkType, their);
          coverage.add([linkTypeName(linkType), ...answers.frame.kinds, ...answers.theirs.map(({ name }) => name)]);
          const differences = differencesOf(answers);
          countOne(figures, answers, differences);
          for (const difference of differences) {
            const name = knownDifference(difference, answers);
            if (name !== undefined) known.set(name, (known.get(name) ?? 0) + 1);
            else different.push(describeDifference(difference, answers.frame));
          }
        }
        expect(at).toBe(frames.length);
      }
      printFigures(random.seed, report(figures, known, coverage, tshark.version));
      expect(different).toEqual([]);
      expect(figures.equalFields / figures.fields).toBeGreaterThanOrEqual(LEAST_EQUAL);
      expect(coverage.rows().filter(([, count]) => count === 0)).toEqual([]);
    },
    60_000 * (1 + ROUNDS),
  );
});

function countOne(figures: Figures, { theirs }: Answers, differences: readonly Difference[]): void {
  figures.packets++;
  figures.fields += theirs.length;
  figures.equalFields += theirs.length - differences.filter((one) => one.theirs !== undefined).length;
  if (differences.length === 0) figures.equalPackets++;
}

function report(figures: Figures, known: ReadonlyMap<string, number>, coverage: Coverage, version: string): string {
  const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(3)} %`;
  return [
    `${figures.packets} packets, ${percent(figures.equalPackets, figures.packets)} without any difference;`,
    `  ${figures.fields} fields, ${percent(figures.equalFields, figures.fields)} equal (name, offset, length, value); ${version}`,
    `  known differences: ${[...known].map(([name, count]) => `${name} ${count}`).join(', ') || 'none seen'}`,
    `  coverage, rarest first: ${coverage
      .rows()
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  ].join('\n');
}

function describeDifference({ ours, theirs, layers }: Difference, { bytes, wireLength, kinds }: Frame): string {
  const what = layers
    ? `ours ${layers.ours}; theirs ${layers.theirs}`
    : `ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(theirs)}`;
  return `${what} on ${Buffer.from(bytes).toString('hex')} of ${wireLength} bytes (${kinds.join(', ')})`;
}
