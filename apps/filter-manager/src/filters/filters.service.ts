import type { Filter, FilterVersion, NewFilter, NewFilterVersion } from '@bpfleet/contract';
import { Injectable } from '@nestjs/common';
import { FilterCompiler } from '../compile/filter-compiler.js';
import { type Page, type PageRequest, pageOf } from '../paging/paging.js';
import { buildVersion } from './build-version.js';
import { type AddedVersion, FilterStore, type Precondition } from './filter-store.js';

/** Filters and their versions. What does not compile is never stored. */
@Injectable()
export class FiltersService {
  constructor(
    private readonly store: FilterStore,
    private readonly compiler: FilterCompiler,
  ) {}

  async create({ name, description, ...wanted }: NewFilter): Promise<Filter> {
    return this.store.create(name, description, buildVersion(name, wanted, this.compiler));
  }

  async addVersion(name: string, wanted: NewFilterVersion, check?: Precondition): Promise<AddedVersion> {
    return this.store.addVersion(name, buildVersion(name, wanted, this.compiler), check);
  }

  delete(name: string, check?: Precondition): Promise<void> {
    return this.store.delete(name, check);
  }

  get(name: string): Promise<Filter> {
    return this.store.get(name);
  }

  list(page: PageRequest): Promise<Page<Filter>> {
    return pageOf(
      'filters',
      page,
      (after, limit) => this.store.list(after, limit),
      (filter) => filter.name,
    );
  }

  versions(name: string, page: PageRequest): Promise<Page<FilterVersion>> {
    return pageOf(
      'versions',
      page,
      (after, limit) => this.store.versions(name, after === undefined ? undefined : Number(after), limit),
      ({ version }) => version,
    );
  }
}
