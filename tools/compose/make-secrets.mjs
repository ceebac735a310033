// Makes the demo's secrets once, into volumes that only the processes that need them mount: the database's password, and
// the token that agents enrol with.
// Readable by all, as Docker's own secrets are: Postgres and bpfleet run as different users, and nobody else mounts them.
// Files and not variables: variables show in `docker inspect` and in crash reports.
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const [folder = '/run/bpfleet', enrolment = '/run/bpfleet-enrolment'] = process.argv.slice(2);
if (!existsSync(`${folder}/postgres-url`)) {
  const password = randomBytes(24).toString('hex');
  // A run that was cut short left it, read-only.
  rmSync(`${folder}/postgres-password`, { force: true });
  writeFileSync(`${folder}/postgres-password`, password, { mode: 0o444 });
  // Last: its presence says that both are there.
  writeFileSync(`${folder}/postgres-url`, `postgres://bpfleet:${password}@postgres:5432/bpfleet`, { mode: 0o444 });
}
if (!existsSync(`${enrolment}/token`)) {
  writeFileSync(`${enrolment}/token`, randomBytes(24).toString('hex'), { mode: 0o444 });
}
