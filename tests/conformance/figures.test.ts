import { afterEach, expect, it, vi } from 'vitest';
import { printFigures } from './figures.js';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

it.each(['BPFLEET_TEST_ROUNDS', 'BPFLEET_TEST_PACKETS', 'BPFLEET_TEST_SOAK_MINUTES'])(
  'printFigures prints a command that has %s, as the run had it',
  (variable) => {
    vi.stubEnv(variable, '60');
    const printed = vi.spyOn(console, 'info').mockImplementation(() => {});
    printFigures(7, 'figures');
    expect(printed.mock.lastCall![0]).toMatch(
      new RegExp(`BPFLEET_TEST_SEED=7 .*${variable}=60 .*npm test -- tests/conformance/figures.test.ts$`),
    );
  },
);
