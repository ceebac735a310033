import { compile } from '@bpfleet/pcap-filter';
import { expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { compareExpression } from './comparison.js';
import { newCoverage } from './expressions/expressions.js';
import { randomSentence } from './expressions/sentences.js';
import { printFigures } from './figures.js';
import { installedLibpcap } from './oracle/oracle.js';
import { Random, seedOfRun } from './random.js';
import { reproduction } from './shrink/reproduction.js';

const SENTENCES = Number(process.env.BPFLEET_TEST_EXPRESSIONS) || 1_000;

suiteRequires('the grammar', { libpcap: installedLibpcap() }, ({ libpcap: { libpcap } }) => {
  const seed = seedOfRun();

  it(`takes and refuses words in any order as libpcap does (BPFLEET_TEST_SEED=${seed})`, { timeout: 600_000 }, () => {
    const random = new Random(seed);
    const coverage = newCoverage();
    const outcomes = { compared: 0, 'refused by both': 0, 'refused by one': 0 };
    const different: string[] = [];
    for (let count = 0; count < SENTENCES; count++) {
      const sentence = randomSentence(random, coverage);
      const result = compareExpression(libpcap, sentence, random, { compile, packets: 10 });
      outcomes[result.outcome]++;
      different.push(...result.differences.map(reproduction));
    }
    printFigures(seed, `${SENTENCES} sentences: ${JSON.stringify(outcomes)}`);
    expect(different.slice(0, 20)).toEqual([]);
  });
});
