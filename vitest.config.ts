import { relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Tests read sibling packages from source; Node resolves everything else as it would in production.
// Exactly these conditions: `import` would break CJS packages, Vite's default `module` breaks prom-client's dependency.
const ssr = { resolve: { conditions: ['@bpfleet/source', 'node'] } };
const conformance = 'tests/conformance/**/*.it.test.ts';
const exclude = ['**/node_modules/**', '**/dist/**'];

/** What takes longest first, so that no worker is left with a minute of it when the others are done. */
const LONGEST_FIRST = ['tests/conformance/faults', 'tests', 'apps', 'libs'];
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number =>
      LONGEST_FIRST.findIndex((folder) => relative(import.meta.dirname, moduleId).startsWith(folder));
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        ssr,
        test: {
          name: 'unit',
          include: ['{libs,apps}/*/src/**/*.test.ts', 'tests/**/*.test.ts'],
          exclude: [...exclude, '**/*.it.test.ts'],
          // Mostly pure code: one thread loads each module once. A test that changes something shared puts it back.
          pool: 'threads',
          isolate: false,
          // Vitest's default leaves a core to itself: one worker where there are two.
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
          // No test is about time: these are for those that hang, also on a machine that is busy with something else.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        ssr,
        test: {
          name: 'it',
          include: ['{libs,apps}/*/src/**/*.it.test.ts', 'tests/**/*.it.test.ts'],
          exclude: [...exclude, conformance],
          globalSetup: ['tests/environment/src/global-setup.ts'],
          // They wait most of the time. More at once would starve each other's servers and rings of two cores.
          maxWorkers: 2,
          // A process for each file: tests enter network namespaces, and drop privileges, which nothing takes back.
          pool: 'forks',
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // What is awaited may take long on a busy machine: one second, the default, would be an assertion on time.
          expect: { poll: { timeout: 30_000 } },
        },
      },
      {
        ssr,
        test: {
          name: 'conformance',
          include: [conformance],
          exclude,
          // They calculate all the time: beside the others they would starve the rings that those read.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          testTimeout: 60_000,
        },
      },
    ],
  },
});
