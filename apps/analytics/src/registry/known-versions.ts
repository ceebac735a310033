import type { Registry, RegistryVersion } from '@bpfleet/contract';

/** What is known of filter versions; `RegistryKeeper` implements it. */
export abstract class KnownVersions {
  /** By the digest of its bundle. */
  abstract version(digest: string): RegistryVersion | undefined;
  /** `web@3`, or of `web` the newest. */
  abstract versionNamed(label: string): RegistryVersion | undefined;
}

/** The versions of one registry. */
export class VersionTable implements KnownVersions {
  readonly #byDigest = new Map<string, RegistryVersion>();
  readonly #byLabel = new Map<string, RegistryVersion>();

  constructor(versions: Registry['versions'] = []) {
    for (const version of versions) {
      this.#byDigest.set(version.digest, version);
      this.#byLabel.set(`${version.filter}@${version.version}`, version);
      const newest = this.#byLabel.get(version.filter);
      if (!newest || newest.version < version.version) this.#byLabel.set(version.filter, version);
    }
  }

  version(digest: string): RegistryVersion | undefined {
    return this.#byDigest.get(digest);
  }

  versionNamed(label: string): RegistryVersion | undefined {
    return this.#byLabel.get(label);
  }
}
