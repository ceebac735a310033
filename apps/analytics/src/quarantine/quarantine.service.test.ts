import type { BusRecord } from '@bpfleet/bus';
import { BpfleetError } from '@bpfleet/errors';
import type { WholePoison } from '@bpfleet/store';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryQuarantine } from './memory-quarantine.js';
import { QuarantineService } from './quarantine.service.js';

const record: WholePoison = {
  ...{ id: '7', quarantinedAt: new Date(), reason: 'unknown-key', detail: '', agent: 'host-1', key: 'host-1' },
  ...{ partition: 1, offset: '5', sizeBytes: 2, headers: { fmt: '1' }, body: Buffer.from([1, 2]) },
};

describe('QuarantineService', () => {
  let source: MemoryQuarantine;
  let published: BusRecord[];
  let isAway: boolean;
  let service: QuarantineService;
  beforeEach(() => {
    source = new MemoryQuarantine();
    source.records = [record];
    published = [];
    isAway = false;
    service = new QuarantineService(source, {
      publish: async (one) => {
        if (isAway) throw new BpfleetError('BUS_TIMEOUT', 'away');
        published.push(one);
      },
    });
  });

  it('publishes a record as it came, and lets it go', async () => {
    expect(await service.retry('7')).toMatchObject({ id: '7', reason: 'unknown-key' });
    expect(published).toEqual([{ key: 'host-1', value: record.body, headers: { fmt: '1' } }]);
    await expect(service.retry('7')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('keeps what the log did not take', async () => {
    isAway = true;
    await expect(service.retry('7')).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
    expect(source.records).toEqual([record]);
  });

  it.each(['8', '', '7; DROP', '-7', '9'.repeat(30)])('knows no record %j', async (id) => {
    await expect(service.record(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
