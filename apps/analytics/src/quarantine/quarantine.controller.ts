import { type Quarantine, type QuarantinedRecord, type QuarantinedRecordDetail, queryApi } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import type { StoredPoison } from '@bpfleet/store';
import { Controller } from '@nestjs/common';
import { QuarantineService } from './quarantine.service.js';
import { QuarantineSource } from './quarantine-source.js';

/** Enough of a record to see what it is. */
const SHOWN_BYTES = 65_536;

@Controller()
export class QuarantineController {
  constructor(
    private readonly quarantine: QuarantineSource,
    private readonly service: QuarantineService,
  ) {}

  @Call(queryApi.listQuarantine, { summary: 'Records that could not be taken, the newest first' })
  async listQuarantine({ query }: CallOf<typeof queryApi.listQuarantine>): Promise<Quarantine> {
    const found = await this.quarantine.list({ ...query, limit: query.limit + 1 });
    const items = found.slice(0, query.limit).map(recordOf);
    const last = items.at(-1);
    return { items, ...(found.length > query.limit && last ? { next: last.id } : {}) };
  }

  @Call(queryApi.getQuarantined, { summary: 'One record in quarantine, with its headers and bytes' })
  async getQuarantined({ path }: CallOf<typeof queryApi.getQuarantined>): Promise<QuarantinedRecordDetail> {
    const record = await this.service.record(path.id);
    const { headers, body } = record;
    return { ...recordOf(record), headers: { ...headers }, hex: body.subarray(0, SHOWN_BYTES).toString('hex') };
  }

  @Call(queryApi.retryQuarantined, {
    summary: 'Publishes a record again, at a new offset, and lets it go; it comes back when it is still wrong',
  })
  async retryQuarantined({ path }: CallOf<typeof queryApi.retryQuarantined>): Promise<QuarantinedRecord> {
    return recordOf(await this.service.retry(path.id));
  }
}

function recordOf(record: StoredPoison): QuarantinedRecord {
  const { id, quarantinedAt, reason, detail, agent, key, partition, offset, sizeBytes } = record;
  const known = agent === undefined ? {} : { agent };
  return {
    id,
    quarantinedAt: quarantinedAt.toISOString(),
    reason,
    detail,
    ...known,
    key,
    partition,
    offset,
    sizeBytes,
  };
}
