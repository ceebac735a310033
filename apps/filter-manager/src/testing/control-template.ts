import { migrate } from '@bpfleet/store';
import { controlMigrations } from '../migrations.js';

type Connection = Parameters<typeof migrate>[0]['connection'];

/** What `createDatabase` of the test environment copies: a database with our tables. */
export const controlTemplate = {
  name: 'control',
  prepare: async (connection: Connection): Promise<void> => {
    await migrate({ connection, ...controlMigrations });
  },
};
