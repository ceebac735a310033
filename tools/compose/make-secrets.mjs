// Makes the demo's database password once, into a volume that only the processes that need it mount.
// Files and not variables: variables show in `docker inspect` and in crash reports.
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';

const folder = process.argv[2] ?? '/run/bpfleet';
if (!existsSync(`${folder}/postgres-url`)) {
  const password = randomBytes(24).toString('hex');
  writeFileSync(`${folder}/postgres-password`, password, { mode: 0o440 });
  // Last: its presence says that both are there.
  writeFileSync(`${folder}/postgres-url`, `postgres://bpfleet:${password}@postgres:5432/bpfleet`, { mode: 0o440 });
}
