import { LinkType } from '@bpfleet/packet';
import { expect, it } from 'vitest';
import { Random } from '../random.js';
import { type Answers, answersOn, differencesOf } from './comparison.js';
import { randomFrame } from './frames.js';
import { Score } from './score.js';

it('tells fields whose values were compared from those of which ours has the place alone', () => {
  const frame = randomFrame(new Random(1), LinkType.EN10MB);
  const place = (offset: number) => ({ name: 'tls.handshake', offset, lengthBytes: 4 });
  const answers: Answers = {
    ...answersOn(frame, LinkType.EN10MB, { layers: [], fields: [] }),
    ours: [
      { ...place(0), value: 7 },
      { ...place(4), value: undefined },
      { ...place(8), value: 7 },
      { ...place(12), value: undefined, lengthBytes: 5 },
    ],
    theirs: [0, 4, 8, 12, 16].map((offset) => ({ ...place(offset), show: offset === 8 ? '8' : '7' })),
  };
  const score = new Score(new Set());
  score.add(answers, differencesOf(answers), undefined);
  expect(score.of(['tls'])).toMatchObject({ theirs: 5, missed: 3, byPlace: 1 });
});
