export {
  type EmbeddedConnection,
  EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  type PostgresExit,
} from './embedded-postgres.js';
export { startTemporaryPostgres, type TemporaryPostgres } from './temporary-postgres.js';
export { startTemporaryStore, type TemporaryStore } from './temporary-store.js';
