import { LinkType } from '@bpfleet/packet';
import { describe, expect, it } from 'vitest';
import { Random } from '../random.js';
import { answersOn, differencesOf } from './comparison.js';
import { mustBeOurs } from './exclusions.js';
import { FIELDS } from './fields.js';
import { randomFrame } from './frames.js';
import { Score } from './score.js';

describe('the fields that are compared', () => {
  it('count one that tshark shows and nobody has thought of', () => {
    const frame = randomFrame(new Random(1), LinkType.EN10MB);
    const unknown = { name: 'ip.brand_new', offset: 14, lengthBytes: 1, show: '1' };
    const answers = answersOn(frame, LinkType.EN10MB, { layers: [], fields: [unknown] });
    const score = new Score(new Set());
    score.add(answers, differencesOf(answers), undefined);
    expect(score.of(['ip'])).toMatchObject({ theirs: 1, missed: 1 });
  });

  it.each(['ip.dst_host', 'tcp.stream', 'udp.checksum.status', 'eth.addr.oui_resolved'])('leave out %s', (name) => {
    expect(mustBeOurs(name)).toBe(false);
  });

  it('are never left out when they are ours', () => {
    const complete = FIELDS.filter((name) => mustBeOurs(name));
    const protocols = new Set(complete.map((name) => name.split('.')[0]));
    expect(FIELDS.filter((name) => protocols.has(name.split('.')[0]!) && !mustBeOurs(name))).toEqual([]);
  });
});
