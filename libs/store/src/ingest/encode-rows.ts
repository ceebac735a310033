import { OPAQUE } from '@bpfleet/pruning';
import type { CopyEncoder } from '../copy/copy-encoder.js';
import type { FlowRow, FlowSumRow } from '../flows/flow-row.js';
import type { HeldPosition, QuarantineRow, SectionRow } from '../rows.js';

type Encode<Row> = (encoder: CopyEncoder, position: HeldPosition, row: Row) => void;

/** A table, and its columns in the order in which `encode` writes the fields. */
export interface CopyTarget<Row> {
  readonly table: string;
  readonly columns: string;
  readonly encode: Encode<Row>;
}

export const sectionTarget: CopyTarget<SectionRow> = {
  table: 'analytics.section',
  columns: `log, partition, log_offset, agent, epoch, seq, crc32, ts_min, ts_max, packets, bytes,
    filters, clock_suspect, dropped_by_kernel, bloom, opaque, layers, body`,
  encode(encoder, position, row) {
    const { bloom, opaque, layers } = row.index ?? OPAQUE;
    encoder.row(18).text(position.logId).int4(position.partition).int8(row.offset);
    encoder.text(row.agent).int8FromNumber(row.epoch).int8FromNumber(row.seq).int8FromNumber(row.crc32);
    encoder.int8(row.tsMinNs).int8(row.tsMaxNs).int4(row.packets).int4(row.body.byteLength);
    encoder.textArray(row.filters).boolean(row.clockSuspect).int8FromNumber(row.droppedByKernel);
    if (bloom === undefined) encoder.null();
    else encoder.bytes(bloom);
    encoder.boolean(opaque).int4Array(layers).bytes(row.body);
  },
};

export const flowTarget: CopyTarget<FlowRow> = {
  table: 'analytics.flow',
  columns: `first_ns, last_ns, bytes, packets, source_port, destination_port, protocol, tcp_flags, is_plain,
    agent, filters, weights, source, destination,
    back_first_ns, back_last_ns, back_bytes, back_packets, back_tcp_flags`,
  encode(encoder, _position, row) {
    encoder.row(19).int8(row.firstNs).int8(row.lastNs).int8FromNumber(row.bytes).int4(row.packets);
    for (const port of [row.sourcePort, row.destinationPort]) {
      if (port < 0) encoder.null();
      else encoder.int4(port);
    }
    encoder.int2(row.protocol).int2(row.tcpFlags).boolean(row.isPlain);
    encoder.text(row.agent).text(row.filters).text(row.weights).inet(row.source).inet(row.destination);
    const { back } = row;
    if (back === undefined) encoder.null().null().null().null().null();
    else {
      encoder.int8(back.firstNs).int8(back.lastNs).int8FromNumber(back.bytes).int4(back.packets).int2(back.tcpFlags);
    }
  },
};

const sumTarget = (table: string, isMerged?: boolean): CopyTarget<FlowSumRow> => ({
  table,
  columns: `bucket_ns, packets, bytes, other_packets, other_bytes, unclear_packets, unclear_bytes,
    agent, filters, weights, services, hosts
    ${isMerged === undefined ? '' : ', is_merged'}`,
  encode(encoder, _position, row) {
    encoder.row(isMerged === undefined ? 12 : 13);
    encoder.int8(row.bucketNs).int8FromNumber(row.packets).int8FromNumber(row.bytes);
    encoder.int8FromNumber(row.otherPackets).int8FromNumber(row.otherBytes);
    encoder.int8FromNumber(row.unclearPackets).int8FromNumber(row.unclearBytes);
    encoder.text(row.agent).text(row.filters).text(row.weights).bytes(row.services).bytes(row.hosts);
    if (isMerged !== undefined) encoder.boolean(isMerged);
  },
});
export const flowMinuteTarget = sumTarget('analytics.flow_minute');
export const mergedMinuteTarget = sumTarget('analytics.flow_minute', true);
export const flowTenMinutesTarget = sumTarget('analytics.flow_ten_minutes');
export const flowHourTarget = sumTarget('analytics.flow_hour');

export const quarantineTarget: CopyTarget<QuarantineRow> = {
  table: 'analytics.quarantine',
  columns: `log, partition, log_offset, reason, detail, agent, ts_min, ts_max, key, headers, body`,
  encode(encoder, position, row) {
    encoder.row(11).text(position.logId).int4(position.partition).int8(row.offset).text(row.reason).text(row.detail);
    if (row.agent === undefined) encoder.null();
    else encoder.text(row.agent);
    for (const time of [row.tsMinNs, row.tsMaxNs]) {
      if (time === undefined || !isInt8(time)) encoder.null();
      else encoder.int8(time);
    }
    encoder.text(row.key).jsonb(row.headers).bytes(row.body);
  },
};

/** Whether Postgres's bigint holds it. A packet's time has until the year 2262. */
export const isInt8 = (value: bigint): boolean => BigInt.asIntN(64, value) === value;
