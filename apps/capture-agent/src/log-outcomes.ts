import type { Logger } from 'pino';
import type { FilterOutcome } from './border/opener-port.js';

/** What became of each filter of a new state, on each interface. */
export function logOutcomes(logger: Pick<Logger, 'info' | 'warn'>, outcomes: readonly FilterOutcome[]): void {
  for (const { filter, version, interface: device, state, reason } of outcomes) {
    const facts = { filter: `${filter}@${version}`, interface: device, state, reason };
    if (state === 'refused') logger.warn(facts, 'filter does not run');
    else logger.info(facts, 'filter desired');
  }
}
