import { join } from 'node:path';
import type { AgentConfig } from './config.js';

/** Where the parts of an agent keep what they keep, under one folder. */
export const openerFolder = (stateDir: string): string => join(stateDir, 'opener');
export const controlFolder = (stateDir: string): string => join(stateDir, 'control');
export const spoolDirOf = ({ agentSpoolDir, agentStateDir }: AgentConfig): string =>
  agentSpoolDir ?? join(agentStateDir, 'spool');

export interface AgentFolders {
  readonly stateDir: string;
  readonly spoolDir: string;
}
