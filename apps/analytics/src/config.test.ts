import { bpfleetVariables, loadConfig, variableNames } from '@bpfleet/service';
import { describe, expect, it } from 'vitest';
import { AnalyticsConfig, ProcessConfig } from './config.js';
import { createPools } from './pools.js';

const GIB = 1024 ** 3;
const kept = {
  ...{ keepSectionHours: 168, keepSectionBytes: 50 * GIB, keepFlowHours: 720, keepFlowBytes: 10 * GIB },
  ...{ keepRollupHours: 8760, keepRollupBytes: 5 * GIB, keepQuarantineHours: 720, keepQuarantineBytes: GIB },
  keepLossHours: 8760,
};
const postgres = { BPFLEET_POSTGRES_URL: 'postgres://db/bpfleet' };

describe('the configuration of analytics', () => {
  it('needs the database only', () => {
    expect(loadConfig(ProcessConfig, postgres)).toEqual({
      listen: '127.0.0.1',
      port: 7421,
      logLevel: 'info',
      postgresUrl: 'postgres://db/bpfleet',
      ingestConnections: 8,
      queryConnections: 20,
      kafkaBrokers: ['127.0.0.1:9092'],
      topicPrefix: '',
      partitions: 12,
      server: 'http://127.0.0.1:7420',
      requireSignatures: true,
      ...kept,
    });
    expect(() => loadConfig(ProcessConfig, {})).toThrow(/BPFLEET_POSTGRES_URL/);
  });
  it.each([
    ['BPFLEET_PARTITIONS', '0'],
    ['BPFLEET_INGEST_CONNECTIONS', '3'],
    ['BPFLEET_QUERY_CONNECTIONS', '3'],
    ['BPFLEET_KEEP_SECTION_HOURS', '0'],
    ['BPFLEET_KEEP_SECTION_BYTES', '50G'],
    ['BPFLEET_TOPIC_PREFIX', 'without-a-dot'],
    ['BPFLEET_KAFKA_BROKERS', 'kafka'],
    ['BPFLEET_KAFKA_BROKERS', ','],
  ])('refuses %s=%s by name', (name, value) => {
    expect(() => loadConfig(ProcessConfig, { ...postgres, [name]: value })).toThrow(name);
  });
  it('has defaults for all that it is told when it is a part of another process', () => {
    expect(AnalyticsConfig.parse({})).toEqual({
      topicPrefix: '',
      partitions: 12,
      server: 'http://127.0.0.1:7420',
      requireSignatures: true,
      ...kept,
    });
    const environment = { ...postgres, BPFLEET_REQUIRE_SIGNATURES: 'false' };
    expect(loadConfig(ProcessConfig, environment)).toMatchObject({ requireSignatures: false });
  });
  it('bounds the connections to Postgres', () => {
    const environment = { ...postgres, BPFLEET_INGEST_CONNECTIONS: '5', BPFLEET_QUERY_CONNECTIONS: '6' };
    const { pool, queryPool } = createPools(loadConfig(ProcessConfig, environment), () => {});
    expect([pool.options.max, queryPool.options.max]).toEqual([5, 6]);
  });
  it('uses variables that its siblings know', () => {
    expect(bpfleetVariables).toEqual(expect.arrayContaining(variableNames(ProcessConfig)));
  });
});
