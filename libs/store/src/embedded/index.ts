export { EmbeddedPostgres, type EmbeddedPostgresOptions, type PostgresExit } from './embedded-postgres.js';
