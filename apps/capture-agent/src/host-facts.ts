import { arch, hostname, release, type, version } from 'node:os';
import type { AgentStatus } from '@bpfleet/contract';

export const AGENT_VERSION = '0.1.0';

/** What the status says of the host. */
export const hostFacts = (): AgentStatus['facts'] => ({
  hostname: hostname(),
  operatingSystem: `${type()} ${version()}`.slice(0, 200),
  kernel: release(),
  architecture: arch(),
  agentVersion: AGENT_VERSION,
});

/** What sections say of their maker. */
export const hostOrigin = () => ({
  hardware: arch(),
  operatingSystem: hostFacts().operatingSystem,
  application: `bpfleet-agent ${AGENT_VERSION}`,
});
