import { matchesPatterns } from '@bpfleet/linux';
import type { ChosenSource } from './choose-source.js';
import type { AgentConfig } from './config.js';
import { parseEndpoint } from './control/excluded-endpoints.js';
import { openerFolder } from './folders.js';
import { Opener, type OpenerOptions } from './opener/opener.js';

/** The opener of an agent that is configured so. */
export const createOpener = (
  config: AgentConfig,
  source: ChosenSource,
  parts: Pick<OpenerOptions, 'isConfined' | 'asRoot' | 'logger' | 'onFatal' | 'onCarriedOut'>,
): Opener =>
  new Opener({
    folder: openerFolder(config.agentStateDir),
    agent: config.agentId,
    interfaces: source.interfaces,
    // A replayed file is no interface of the host: nothing to allow.
    mayOpen: (name) => source.kind === 'file' || matchesPatterns(config.agentInterfaces, name),
    matches: source.matches,
    opensSockets: source.opensSockets,
    ringBudgetBytes: config.agentRingBytes,
    endpoints: [parseEndpoint(config.server), ...config.kafkaBrokers],
    ...parts,
  });
