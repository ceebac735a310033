import { describe, expect, it } from 'vitest';
import { readConfig } from './read-config.js';

describe('the configuration as doctor reads it', () => {
  it('is the agent’s own where nothing is wrong', () => {
    const { config, findings } = readConfig({ BPFLEET_AGENT_ID: 'host-1' });
    expect(config.agentId).toBe('host-1');
    expect(findings).toMatchObject([{ state: 'ok' }]);
  });

  it('has each mistake as a finding with what to do, and goes on without what is wrong', () => {
    const { config, findings } = readConfig({
      BPFLEET_KAFKA_BROKERS: 'a:b:c',
      BPFLEET_AGENT_SPOOL_BYTES: 'abc',
      BPFLEET_ENROLMENT_TOKEN_FILE: '/nowhere/token',
      BPFLEET_AGENT_IDD: 'host-2',
      BPFLEET_AGENT_ID: 'host-1',
    });
    expect(findings.map(({ name, state }) => [name, state])).toEqual(
      expect.arrayContaining([
        ['BPFLEET_KAFKA_BROKERS', 'no'],
        ['BPFLEET_AGENT_SPOOL_BYTES', 'no'],
        ['BPFLEET_ENROLMENT_TOKEN_FILE', 'no'],
        ['BPFLEET_AGENT_IDD', 'no'],
      ]),
    );
    expect(findings).toHaveLength(4);
    const adviceOf = (variable: string) => findings.find(({ name }) => name === variable)!.advice;
    expect(adviceOf('BPFLEET_AGENT_SPOOL_BYTES')).toMatch(/sections that may wait on disk.*unset: 1073741824/);
    expect(adviceOf('BPFLEET_ENROLMENT_TOKEN_FILE')).toMatch(/the secret that this fleet enrols agents by/);
    expect(adviceOf('BPFLEET_AGENT_IDD')).toMatch(/remove it/);
    expect(config).toMatchObject({ agentId: 'host-1', agentSpoolBytes: 1024 ** 3, kafkaBrokers: [{ port: 9092 }] });
  });
});
