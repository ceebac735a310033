import type { Filter, FilterVersion } from '@bpfleet/contract';
import { isSameContent } from '../filters/build-version.js';
import {
  type AddedVersion,
  type BuiltVersion,
  FilterStore,
  type MakeVersion,
  type Precondition,
} from '../filters/filter-store.js';
import { bundleNotFound, filterExists, filterNotFound } from '../filters/not-found.js';
import { after, type MemoryControl, type MemoryFilter } from './memory-control.js';

export class MemoryFilterStore extends FilterStore {
  constructor(private readonly control: MemoryControl) {
    super();
  }

  override async create(name: string, description: string, make: MakeVersion): Promise<Filter> {
    const old = this.control.filters.get(name);
    if (old && !old.isDeleted) throw filterExists(name);
    const versions = old?.versions ?? [];
    versions.push(this.#stored(make(versions.length + 1)));
    this.control.filters.set(name, { description, createdAt: now(), isDeleted: false, versions });
    return this.#filter(name);
  }

  override async addVersion(name: string, make: MakeVersion, check?: Precondition): Promise<AddedVersion> {
    const current = this.#filter(name);
    check?.(current);
    const content = make(current.latest.version + 1);
    if (isSameContent(content, current.latest)) return { version: current.latest, isNew: false };
    const version = this.#stored(content);
    this.#present(name).versions.push(version);
    return { version, isNew: true };
  }

  override async delete(name: string, check?: Precondition): Promise<void> {
    check?.(this.#filter(name));
    this.control.change(() => {
      this.#present(name).isDeleted = true;
      for (const { id, filter } of this.control.assignments.values()) {
        if (filter === name) this.control.assignments.delete(id);
      }
    });
    this.control.touchRegistry();
  }

  override async get(name: string): Promise<Filter> {
    return this.#filter(name);
  }

  override async list(key: string | undefined, limit: number): Promise<Filter[]> {
    const names = [...this.control.filters].filter(([, { isDeleted }]) => !isDeleted).map(([name]) => name);
    return after(names, (name) => name, key, limit).map((name) => this.#filter(name));
  }

  override async versions(name: string, before: number | undefined, limit: number): Promise<FilterVersion[]> {
    const newestFirst = this.#present(name).versions.toReversed();
    return newestFirst.filter(({ version }) => before === undefined || version < before).slice(0, limit);
  }

  override async byDigest(digests: readonly string[]): Promise<FilterVersion[]> {
    const all = [...this.control.filters.values()].flatMap(({ versions }) => versions);
    return all.filter(({ digest }) => digests.includes(digest));
  }

  override async bundle(digest: string): Promise<Uint8Array> {
    const bundle = this.control.bundles.get(digest);
    if (!bundle) throw bundleNotFound(digest);
    return bundle;
  }

  #stored({ bundle, ...content }: BuiltVersion): FilterVersion {
    this.control.bundles.set(content.digest, bundle);
    this.control.touchRegistry();
    return { ...content, createdAt: now() };
  }

  #present(name: string): MemoryFilter {
    const filter = this.control.filters.get(name);
    if (!filter || filter.isDeleted) throw filterNotFound(name);
    return filter;
  }

  #filter(name: string): Filter {
    const { description, versions, createdAt } = this.#present(name);
    const assignments = [...this.control.assignments.values()]
      .filter(({ filter }) => filter === name)
      .sort((a, b) => b.revision - a.revision)
      .map(({ revision: _, ...assignment }) => assignment);
    return { name, description, latest: versions.at(-1)!, assignments, createdAt };
  }
}

const now = (): string => new Date().toISOString();
