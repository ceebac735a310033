import type { FlowQuestion } from '@bpfleet/contract';
import { type Command, InvalidArgumentError } from 'commander';
import { type OutputFormat, withOutput } from '../output/format.js';
import { withServers } from '../servers.js';

export interface FlowOptions {
  readonly since?: string;
  readonly until?: string;
  readonly agent?: string;
  readonly version?: string;
  readonly output: OutputFormat;
}

/** What `flows`, `timeline` and `top` have in common. */
export function flowCommand(parent: Command, name: string, description: string): Command {
  const command = parent
    .command(name)
    .argument('[expression...]', 'hosts, nets, ports and protocols, as a pcap-filter expression; all when left out')
    .description(description)
    .option('--since <time>', '10m (ago), or 2026-11-22T10:00:00Z (default: 1h); whole minutes count')
    .option('--until <time>', 'as --since (default: now)')
    .option('--agent <id>', 'only packets of this agent')
    .option('--version <filter>', 'only packets that this filter stored: web, or one version: web@3');
  return withServers(withOutput(command));
}

/** What was left out is for the server to choose. */
export function questionOf(words: readonly string[], options: FlowOptions): Partial<FlowQuestion> {
  const filter = words.join(' ');
  const { since, until, agent, version } = options;
  return Object.fromEntries(
    Object.entries({ filter: filter === '' ? undefined : filter, since, until, agent, version }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

/** Of one answer. */
export const MOST_ROWS = 1000;

export function rowCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text) || Number(text) > MOST_ROWS) {
    throw new InvalidArgumentError(`it is a number of rows, 1 to ${MOST_ROWS}.`);
  }
  return Number(text);
}
