import { filterManagerOpenApi } from './api-document.js';

// `node dist/openapi.js > docs/openapi/filter-manager.json`
process.stdout.write(`${JSON.stringify(await filterManagerOpenApi(), null, 2)}\n`);
