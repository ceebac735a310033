import { describe, expect, it } from 'vitest';
import { Tally } from './tally.js';

const packet = { wireLength: 1000, capturedLength: 200 };

describe('Tally', () => {
  it('counts what each version would store by its own snaplen: the stored one what is there', () => {
    const tally = new Tally(64, true);
    tally.add({ ...packet, verdict: 'yes', isKept: true, difference: undefined });
    tally.add({ ...packet, verdict: 'yes', isKept: false, difference: 'gained' });
    tally.add({ ...packet, verdict: 'no', isKept: true, difference: 'lost' });
    tally.add({ ...packet, verdict: 'undecided', isKept: true, difference: undefined });
    tally.add({ ...packet, verdict: 'no', isKept: false, difference: undefined });
    tally.add({ ...packet, verdict: 'no', isKept: false, difference: 'notStoredByVersion' });
    expect(tally.counts).toEqual({
      matched: { packets: 2, bytes: 2000, storedBytes: 128 },
      against: { packets: 3, bytes: 3000, storedBytes: 600 },
      gained: { packets: 1, bytes: 1000, storedBytes: 64 },
      lost: { packets: 1, bytes: 1000, storedBytes: 200 },
      notStoredByVersion: { packets: 1, bytes: 1000, storedBytes: 200 },
      undecided: 1,
    });
  });

  it('stores no more of a packet than it had', () => {
    const tally = new Tally(65_535, false);
    tally.add({ ...packet, verdict: 'yes', isKept: false, difference: undefined });
    expect(tally.counts).toEqual({ matched: { packets: 1, bytes: 1000, storedBytes: 1000 }, undecided: 0 });
  });
});
