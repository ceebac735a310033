import { migrate } from '@bpfleet/store';
import type { DatabaseTemplate } from '@bpfleet/test-environment';
import { controlMigrations } from '../../apps/filter-manager/src/migrations.js';
import { analyticsDatabase } from '../../libs/store/src/testing/analytics-database.js';

/** The tables of both services, empty: what each one's `migrate` makes of an empty database. */
export const fleetDatabase: DatabaseTemplate = {
  name: 'fleet',
  async prepare(connection) {
    await analyticsDatabase.prepare(connection);
    await migrate({ connection, ...controlMigrations });
  },
};
