import { relative } from 'node:path';
import { expect } from 'vitest';
import { describeLoad, describeMachine } from '../bench/src/machine.js';
import { installedLibpcap } from './oracle/oracle.js';

const ROOT = `${import.meta.dirname}/../..`;
/** What makes a run longer, as it must be given again to repeat it. */
const LENGTHS = ['ROUNDS', 'EXPRESSIONS', 'PACKETS', 'FAULTS', 'SOAK_MINUTES'].map((name) => `BPFLEET_TEST_${name}`);

/** Prints what a test counted, with what it ran on and how to repeat it. @param servers what else it used, with versions */
export function printFigures(seed: number, figures: string, servers: readonly string[] = []): void {
  const lengths = LENGTHS.flatMap((name) => (process.env[name] ? [`${name}=${process.env[name]}`] : []));
  const command = [`BPFLEET_TEST_SEED=${seed}`, ...lengths, 'npm test --', relative(ROOT, testFile())].join(' ');
  const versions = [`node ${process.version}`, libpcapVersion(), ...servers].join(', ');
  console.info(`${figures}\n  ${describeMachine()}, load ${describeLoad()}; ${versions}; ${command}`);
}

const testFile = () => expect.getState().testPath ?? '';

function libpcapVersion(): string {
  const installed = installedLibpcap();
  if ('unavailable' in installed) return 'no libpcap';
  const { version } = installed.libpcap;
  installed.libpcap.close();
  return version;
}
