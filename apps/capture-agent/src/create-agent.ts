import { type AgentParts, CaptureAgent } from './agent.js';
import type { OpenerPort } from './border/opener-port.js';
import type { ChosenSource } from './choose-source.js';
import type { AgentConfig } from './config.js';
import { createOpener } from './create-opener.js';
import { spoolDirOf } from './folders.js';

/** An opener in another process. */
export interface OtherOpener {
  readonly port: OpenerPort;
  readonly pid: number;
}

/**
 * An agent for a process that holds more than it.
 * @param other without it the opener is in this process: where there is nobody to separate from, and the status says so
 */
export function createAgent(
  config: AgentConfig,
  source: ChosenSource,
  parts: Pick<AgentParts, 'bus' | 'logger' | 'registry' | 'onFatal' | 'beforeNetwork'>,
  other?: OtherOpener,
): CaptureAgent {
  const { logger, onFatal } = parts;
  const opener = other?.port ?? createOpener(config, source, { isConfined: () => false, logger, onFatal });
  const agentSpoolDir = spoolDirOf(config);
  return new CaptureAgent(
    { ...config, agentSpoolDir },
    {
      ...parts,
      opener,
      ...(other ? { openerPid: other.pid } : {}),
      createSource: (positions) => source.create(opener, positions, logger),
      interfaces: source.interfaces,
    },
  );
}
