import { filterManagerOpenApi } from './open-api.js';

// `node dist/openapi-main.js > docs/openapi/filter-manager.json`
process.stdout.write(`${JSON.stringify(await filterManagerOpenApi(), null, 2)}\n`);
