import { AgentConfig } from '@bpfleet/capture-agent';
import type { StandaloneOptions } from './options.js';

export const AGENT_ID = 'standalone';

/** The one agent's, for its opener too when that is another process. */
export const agentConfig = (
  { interfaces }: StandaloneOptions,
  agentStateDir: string,
  server: string | undefined,
): AgentConfig =>
  AgentConfig.parse({
    agentId: AGENT_ID,
    agentLabels: 'kind=standalone',
    agentInterfaces: interfaces?.join(',') ?? '*',
    agentStateDir,
    ...(server === undefined ? {} : { server }),
  });
