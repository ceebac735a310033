// `npm run openapi [-- --check]`: writes docs/openapi/*.json from the controllers; --check fails on a difference.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { build, fail, install, requireNode, root } from './workspace.mjs';

requireNode();
install();
build();
mkdirSync(`${root}docs/openapi`, { recursive: true });
for (const app of ['filter-manager', 'analytics']) {
  const result = spawnSync(process.execPath, [`${root}apps/${app}/dist/openapi.js`], { encoding: 'utf8' });
  if (result.status !== 0) fail(`${app} could not print its OpenAPI document:\n${result.stderr}`);
  const file = `${root}docs/openapi/${app}.json`;
  if (!process.argv.includes('--check')) writeFileSync(file, result.stdout);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== result.stdout) {
    fail(`docs/openapi/${app}.json is not what the controllers say; run \`npm run openapi\` and commit it`);
  }
}
