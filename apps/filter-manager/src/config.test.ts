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
    });
    expect(() => loadConfig(ProcessConfig, {})).toThrow(/BPFLEET_POSTGRES_URL: is required/);
  });
});
