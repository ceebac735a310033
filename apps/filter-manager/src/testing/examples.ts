import { type AgentStatus, NewFilterVersion } from '@bpfleet/contract';
import { buildVersion } from '../filters/build-version.js';
import type { MakeVersion } from '../filters/filter-store.js';
import { FakeCompiler } from './fake-compiler.js';

/** A version of a filter, told from others by its expression. */
export function versionOf(filter: string, expression: string, wanted: Partial<NewFilterVersion> = {}): MakeVersion {
  return buildVersion(filter, NewFilterVersion.parse({ expression, ...wanted }), new FakeCompiler());
}

export function statusOf(agent: string, changed: Partial<AgentStatus> = {}): AgentStatus {
  return {
    agent,
    sequence: 1,
    labels: {},
    generation: 0,
    epoch: 1,
    source: 'ring',
    facts: { hostname: agent, operatingSystem: 'linux', kernel: '6.1', architecture: 'x64', agentVersion: '0.1.0' },
    interfaces: [{ name: 'lo', linkType: 'EN10MB', up: true }],
    filters: [],
    sections: { sent: 0, pending: 0, dropped: 0, packetsDropped: 0 },
    errors: [],
    ...changed,
  };
}
