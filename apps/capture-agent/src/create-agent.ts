import { matchesPatterns } from '@bpfleet/linux';
import { type AgentParts, CaptureAgent } from './agent.js';
import type { ChosenSource } from './choose-source.js';
import type { AgentConfig } from './config.js';
import { openerFolder, spoolDirOf } from './folders.js';
import { Opener } from './opener/opener.js';

/** An agent with its opener in the same process: where there is nobody to separate from, and the status says so. */
export function createAgent(
  config: AgentConfig,
  source: ChosenSource,
  parts: Pick<AgentParts, 'bus' | 'logger' | 'registry' | 'onFatal'>,
): CaptureAgent {
  const opener = new Opener({
    folder: openerFolder(config.agentStateDir),
    agent: config.agentId,
    interfaces: source.interfaces,
    // A replayed file is no interface of the host: nothing to allow.
    mayOpen: (name) => source.kind === 'file' || matchesPatterns(config.agentInterfaces, name),
    matches: source.matches,
    opensSockets: source.opensSockets,
    ringBudgetBytes: config.agentRingBytes,
    isConfined: () => false,
    onFatal: parts.onFatal,
  });
  const agentSpoolDir = spoolDirOf(config);
  return new CaptureAgent(
    { ...config, agentSpoolDir },
    {
      ...parts,
      opener,
      createSource: (positions) => source.create(opener, positions),
      interfaces: source.interfaces,
    },
  );
}
