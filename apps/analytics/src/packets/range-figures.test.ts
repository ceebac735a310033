import { describe, expect, it } from 'vitest';
import type { PacketRequest } from './packet-request.js';
import { RangeFigures } from './range-figures.js';

const losses = {} as never;
const requestOf = (kind: 'all' | 'none') =>
  ({ sinceNs: 5n, untilNs: 100n, agent: undefined, version: undefined, sectionTest: { kind } }) as PacketRequest;

/** Ten sections from 5 ns on, one each ns before 20. */
function rig(request: PacketRequest) {
  const counted: bigint[] = [];
  const count = async ({ sinceNs }: { readonly sinceNs: bigint }) => {
    counted.push(sinceNs);
    return Number(15n - sinceNs);
  };
  return { counted, figures: new RangeFigures({ count }, { losses: async () => losses }, request) };
}

describe('what is said of a range', () => {
  it('is asked for when the scan begins, and is there when it is through', async () => {
    const { counted, figures } = rig(requestOf('none'));
    expect(counted).toEqual([5n]);
    expect(await figures.pruned({ sinceNs: 5n, sectionsRead: 4 })).toBe(6);
    expect(await figures.losses).toBe(losses);
    expect(counted).toEqual([5n]);
  });

  it('is counted down to where a scan ended early', async () => {
    const { counted, figures } = rig(requestOf('none'));
    expect(await figures.pruned({ sinceNs: 9n, sectionsRead: 4 })).toBe(2);
    expect(counted).toEqual([5n, 9n]);
  });

  it('is never less than nothing, where sections were removed meanwhile', async () => {
    expect(await rig(requestOf('none')).figures.pruned({ sinceNs: 5n, sectionsRead: 40 })).toBe(0);
  });

  it('is not counted where no section is passed over', async () => {
    const { counted, figures } = rig(requestOf('all'));
    expect(await figures.pruned({ sinceNs: 5n, sectionsRead: 10 })).toBe(0);
    expect(counted).toEqual([]);
  });

  it('ends nothing where the scan fails and nobody asks any more', async () => {
    const broken = async () => Promise.reject(new Error('no store'));
    const figures = new RangeFigures({ count: broken }, { losses: broken }, requestOf('none'));
    await expect(figures.losses).rejects.toThrow('no store');
  });
});
