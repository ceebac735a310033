import { matchesPatterns } from '@bpfleet/linux';
import { pino } from 'pino';
import { hostInterfaces } from '../choose-source.js';
import type { OpenerOptions } from '../opener/opener.js';

/** An opener for tests, on whatever interfaces the calling thread's network namespace has. */
export const testOpenerOptions = (
  folder: string,
  more: Partial<OpenerOptions> & Pick<OpenerOptions, 'onFatal'>,
): OpenerOptions => ({
  folder,
  agent: 'agent-1',
  interfaces: hostInterfaces,
  mayOpen: (name) => name !== 'lo',
  matches: matchesPatterns,
  opensSockets: true,
  ringBudgetBytes: 16 * 1024 * 1024,
  endpoints: [443, 8001, 9092].map((port) => ({ host: 'bpfleet.example', port })),
  isConfined: () => true,
  logger: pino({ level: 'silent' }),
  ...more,
});
