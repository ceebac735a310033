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
        },
      },
      {
        ssr,
        test: {
          name: 'it',
          include: ['{libs,apps}/*/src/**/*.it.test.ts', 'tests/**/*.it.test.ts'],
          exclude,
          globalSetup: ['tests/environment/src/global-setup.ts'],
          // Servers, rings and namespaces share two cores: one file at a time keeps rates and deadlines honest.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
