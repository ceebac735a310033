import type { FilterVersion } from '@bpfleet/contract';
import type { Logger } from '@bpfleet/service';
import type { FilterCompiler } from '../compile/filter-compiler.js';
import { buildVersion } from './build-version.js';
import type { BuiltVersion } from './filter-store.js';
import type { PostgresFilterStore } from './postgres-filter-store.js';

/** Builds what a release without bundles stored again, by its expression: as the same version of the same filter. */
export async function completeVersions(
  store: PostgresFilterStore,
  compiler: FilterCompiler,
  logger: Logger,
): Promise<void> {
  const completed = await store.complete((version) => rebuilt(version, compiler, logger));
  if (completed > 0) logger.info({ completed }, 'versions of an older release have a bundle now');
}

function rebuilt(version: FilterVersion, compiler: FilterCompiler, logger: Logger): BuiltVersion | undefined {
  try {
    return buildVersion(version.filter, wantedOf(version), compiler)(version.version);
  } catch (err) {
    const name = `${version.filter}@${version.version}`;
    logger.warn({ err, filter: name }, 'a version of an older release does not compile any more, no agent gets it');
    return undefined;
  }
}

const wantedOf = ({ expression, interfaces, snaplenBytes, direction, sampling, budget }: FilterVersion) => ({
  ...{ expression, interfaces, snaplenBytes, direction, sampling, budget },
});
