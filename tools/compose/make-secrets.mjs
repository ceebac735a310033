// Makes the demo's database password once, into a volume that only the processes that need it mount.
// Readable by all, as Docker's own secrets are: Postgres and bpfleet run as different users, and nobody else mounts it.
// Files and not variables: variables show in `docker inspect` and in crash reports.
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const folder = process.argv[2] ?? '/run/bpfleet';
if (!existsSync(`${folder}/postgres-url`)) {
  const password = randomBytes(24).toString('hex');
  // A run that was cut short left it, read-only.
  rmSync(`${folder}/postgres-password`, { force: true });
  writeFileSync(`${folder}/postgres-password`, password, { mode: 0o444 });
  // Last: its presence says that both are there.
  writeFileSync(`${folder}/postgres-url`, `postgres://bpfleet:${password}@postgres:5432/bpfleet`, { mode: 0o444 });
}
