import { bpfleetVariables, variableNames } from '@bpfleet/service';
import { describe, expect, it } from 'vitest';
import { AgentConfig } from './config.js';

describe('the configuration', () => {
  it('has variables that sibling processes know', () => {
    expect(bpfleetVariables).toEqual(expect.arrayContaining(variableNames(AgentConfig)));
  });
  it('has a default for everything, and an id that other systems take', () => {
    expect(AgentConfig.parse({}).agentId).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
  });
});
