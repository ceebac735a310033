import { describe, expect, it } from 'vitest';
import { type Amount, noAmount } from './amount.js';
import { SpoolErrors } from './spool-errors.js';

describe('SpoolErrors', () => {
  const of = (
    spool: { troubles?: string[]; damaged?: Amount; passed?: Amount; evicted?: Amount },
    keys: string[] = [],
  ) =>
    new SpoolErrors(
      '/spool',
      1000,
      {
        troubles: spool.troubles ?? [],
        counts: { damaged: spool.damaged ?? noAmount, evicted: spool.evicted ?? noAmount },
        passed: spool.passed ?? noAmount,
      },
      { troubles: keys },
    );

  it('has nothing to say of a disk that works', () => {
    expect(of({}).current).toEqual([]);
  });

  it('says what the disk refuses until it takes sections again, and where they are meanwhile', () => {
    const errors = of({});
    expect(errors.refused('the spool takes no sections: ENOSPC')).toBe(true);
    expect(errors.refused('the spool takes no sections: ENOSPC')).toBe(false);
    expect(errors.current).toMatchObject([
      {
        code: 'DATA_NOT_WRITABLE',
        message: expect.stringMatching(/no sections: ENOSPC; .*in memory, at most 1000 bytes: free space/),
      },
    ]);
    errors.taken();
    expect(errors.current).toEqual([]);
  });

  it('says what to move away where a folder stands in the place of a file', () => {
    const errors = of({ troubles: ['the spool: keeping it: EISDIR: illegal operation on a directory'] });
    errors.refused('the spool takes no sections: EEXIST: file already exists');
    for (const { message } of errors.current) expect(message).toMatch(/[:;] move away what stands in its place$/);
  });

  it('says what this process gave up, besides what nothing signs', () => {
    const counts = { damaged: noAmount, evicted: { bytes: 700, sections: 2, packets: 30 } };
    const errors = new SpoolErrors('/spool', 1000, { troubles: [], counts, passed: noAmount }, { troubles: [] });
    errors.begin();
    expect(errors.current).toEqual([]);
    counts.evicted = { bytes: 900, sections: 4, packets: 50 };
    errors.unsigned(5);
    expect(errors.current[0]).toMatchObject({
      code: 'SPOOL_FULL',
      message: expect.stringMatching(/^1 sections with 15 packets since the agent began: .*BPFLEET_AGENT_SPOOL_BYTES/),
    });
  });

  it('says what was damaged, and how much of it is lost', () => {
    expect(of({ damaged: { bytes: 700, sections: 2, packets: 31 } }).current).toMatchObject([
      { code: 'SECTION_CORRUPT', message: expect.stringMatching(/\/spool .*700 bytes.*2 sections with 31 packets/) },
    ]);
  });

  it('says where nobody knows how many packets were in it', () => {
    expect(of({ damaged: { bytes: 700, sections: 1, packets: 0 } }).current).toMatchObject([
      { code: 'SECTION_CORRUPT', message: expect.stringMatching(/: 1 sections of how many packets nobody knows are/) },
    ]);
  });

  it('says what was taken for sent, for nothing tells any more', () => {
    expect(of({ passed: { bytes: 700, sections: 2, packets: 31 } }).current).toMatchObject([
      { code: 'SECTION_CORRUPT', message: expect.stringMatching(/2 sections with 31 packets, .*taken for sent/) },
    ]);
  });

  it('passes on what does not work besides', () => {
    const messages = of({ troubles: ['making it safe'] }, ['keeping a key']).current.map(({ message }) => message);
    expect(messages).toEqual([
      expect.stringMatching(
        /^making it safe; make its folder again where that is gone, see that it is the agent’s own/,
      ),
      expect.stringMatching(/^keeping a key; make its folder/),
    ]);
  });
});
