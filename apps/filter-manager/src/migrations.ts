import { fileURLToPath } from 'node:url';

/** What `migrate` of `@bpfleet/store` takes: the files are beside `src` and `dist`. */
export const controlMigrations = {
  schema: 'control',
  directory: fileURLToPath(new URL('../migrations', import.meta.url)),
} as const;
