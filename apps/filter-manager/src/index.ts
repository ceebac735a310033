export { filterManagerOpenApi } from './api-document.js';
export { FilterManagerConfig } from './config.js';
export { createFilterManager, type FilterManager, type FilterManagerParts } from './filter-manager.js';
export { controlMigrations } from './migrations.js';
