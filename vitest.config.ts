import { defineConfig } from 'vitest/config';

// Tests read sibling packages from source; Node resolves everything else as it would in production.
// Exactly these conditions: `import` would break CJS packages, Vite's default `module` breaks prom-client's dependency.
const ssr = { resolve: { conditions: ['@bpfleet/source', 'node'] } };
const exclude = ['**/node_modules/**', '**/dist/**'];

export default defineConfig({
  test: {
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
          sequence: { groupOrder: 0 },
        },
      },
      {
        ssr,
        test: {
          name: 'it',
          include: ['{libs,apps}/*/src/**/*.it.test.ts', 'tests/**/*.it.test.ts'],
          exclude,
          globalSetup: ['tests/environment/src/global-setup.ts'],
          // They wait most of the time. More at once would starve each other's servers and rings of two cores.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
