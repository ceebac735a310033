import { bpfleetVariables, loadConfig, variableNames } from '@bpfleet/service';
import { describe, expect, it } from 'vitest';
import { AgentConfig } from './config.js';

describe('the configuration', () => {
  it('has variables that sibling processes know', () => {
    expect(bpfleetVariables).toEqual(expect.arrayContaining(variableNames(AgentConfig)));
  });
  it('has a default for everything, and an id that other systems take', () => {
    expect(AgentConfig.parse({}).agentId).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
  });
  it.each(['http://10.0.0.1:7420/bpfleet', 'file:///etc/passwd', 'http://user:secret@10.0.0.1:7420', '10.0.0.1:7420'])(
    'takes %s for no filter-manager',
    (server) => {
      expect(() => loadConfig(AgentConfig, { BPFLEET_SERVER: server })).toThrow(
        /BPFLEET_SERVER: is no address of a server: http:\/\/host:port/,
      );
    },
  );
  it('takes a capture file or the source cap, not both', () => {
    const file = { BPFLEET_AGENT_PCAP: 'traffic.pcap' };
    expect(loadConfig(AgentConfig, file)).toMatchObject({ agentPcap: 'traffic.pcap', agentSource: 'ring' });
    expect(() => loadConfig(AgentConfig, { ...file, BPFLEET_AGENT_SOURCE: 'cap' })).toThrow(
      /BPFLEET_AGENT_SOURCE: a capture file \(BPFLEET_AGENT_PCAP\) is replayed instead .*\(it is "cap"\)/,
    );
  });
});
