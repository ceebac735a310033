import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bpfleetVariables, loadConfig, variableNames } from '@bpfleet/service';
import { describe, expect, it } from 'vitest';
import { FilterManagerConfig, ProcessConfig } from './config.js';

describe('the configuration', () => {
  it('has variables that sibling processes know', () => {
    expect(bpfleetVariables).toEqual(expect.arrayContaining(variableNames(ProcessConfig)));
  });
  it('has a default for all but the database', () => {
    expect(loadConfig(FilterManagerConfig, {})).toEqual({
      excludedEndpoints: [],
      flushWindowMs: 200,
      reportIntervalMs: 60_000,
      runHours: 720,
    });
    expect(() => loadConfig(ProcessConfig, {})).toThrow(/BPFLEET_POSTGRES_URL: is required/);
  });
  it('takes its secrets from files', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpfleet-config-'));
    const environment = {
      BPFLEET_SIGNING_KEY_FILE: join(folder, 'key'),
      BPFLEET_ENROLMENT_TOKEN_FILE: join(folder, 'token'),
    };
    writeFileSync(environment.BPFLEET_SIGNING_KEY_FILE, '-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n');
    writeFileSync(environment.BPFLEET_ENROLMENT_TOKEN_FILE, 'a secret\n');
    expect(loadConfig(FilterManagerConfig, environment)).toMatchObject({
      signingKey: '-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----',
      enrolmentToken: 'a secret',
    });
    rmSync(folder, { recursive: true });
  });
});
