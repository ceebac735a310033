import { BpfleetError } from '@bpfleet/errors';
import { compile } from '@bpfleet/pcap-filter';
import { expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { randomSentence } from './expressions.js';
import { Random, seedOfRun } from './random.js';
import { inParallel, installedLibpcap, libpcapProgram } from './tcpdump.js';

const SENTENCES = Number(process.env.BPFLEET_TEST_EXPRESSIONS) || 200;

suiteRequires('the grammar', { tcpdump: await installedLibpcap() }, () => {
  const seed = seedOfRun();

  it(`takes and refuses words in any order as libpcap does (BPFLEET_TEST_SEED=${seed})`, async () => {
    const random = new Random(seed);
    const sentences = Array.from({ length: SENTENCES }, () => randomSentence(random));
    const answers = await inParallel(sentences, 4, async (expression) => ({
      expression,
      ours: outcome(expression),
      theirs: await libpcapProgram(expression, false),
    }));
    const different = answers.flatMap(({ expression, ours, theirs }) => {
      const theirOutcome = 'refusal' in theirs ? theirs.refusal : 'compiled';
      if (ours.startsWith('FILTER_UNSUPPORTED')) return [];
      return (ours === 'compiled') === (theirOutcome === 'compiled') ? [] : [{ expression, ours, theirOutcome }];
    });
    console.info(`${answers.filter(({ ours }) => ours === 'compiled').length} of ${SENTENCES} were expressions`);
    expect(different).toEqual([]);
  });
});

function outcome(expression: string): string {
  try {
    compile(expression, { optimize: false });
    return 'compiled';
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}
