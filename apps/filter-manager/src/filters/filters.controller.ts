import {
  controlApi,
  type Filter,
  type FilterPage,
  type FilterVersion,
  type FilterVersionPage,
} from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller } from '@nestjs/common';
import { etagOf, ifMatch } from './etag.js';
import { FiltersService } from './filters.service.js';

const headers = { 'If-Match': 'change it only if this is still its ETag; 412 otherwise' };

@Controller()
export class FiltersController {
  constructor(private readonly filters: FiltersService) {}

  @Call(controlApi.createFilter, { status: 201, summary: 'Make a filter and its first version' })
  async createFilter({ body, reply }: CallOf<typeof controlApi.createFilter>): Promise<Filter> {
    const filter = await this.filters.create(body);
    reply.header('ETag', etagOf(filter));
    reply.header('Location', `/api/v1/filters/${filter.name}`);
    return filter;
  }

  @Call(controlApi.listFilters, { summary: 'Filters by name, each with its latest version and its assignments' })
  listFilters({ query }: CallOf<typeof controlApi.listFilters>): Promise<FilterPage> {
    return this.filters.list(query);
  }

  @Call(controlApi.getFilter)
  async getFilter({ path, reply }: CallOf<typeof controlApi.getFilter>): Promise<Filter> {
    const filter = await this.filters.get(path.name);
    reply.header('ETag', etagOf(filter));
    return filter;
  }

  @Call(controlApi.deleteFilter, {
    summary: 'Take a filter from all agents. Its versions stay, and a filter of this name goes on counting',
    headers,
  })
  async deleteFilter({ path, header }: CallOf<typeof controlApi.deleteFilter>): Promise<undefined> {
    await this.filters.delete(path.name, ifMatch(header('if-match')));
  }

  @Call(controlApi.createFilterVersion, {
    status: 201,
    summary: 'Add a version',
    headers,
    alsoAnswers: { 200: 'The latest version: it has this content already.' },
  })
  async createFilterVersion(call: CallOf<typeof controlApi.createFilterVersion>): Promise<FilterVersion> {
    const { path, body, header, reply } = call;
    const { version, isNew } = await this.filters.addVersion(path.name, body, ifMatch(header('if-match')));
    if (!isNew) reply.status(200);
    return version;
  }

  @Call(controlApi.listFilterVersions, { summary: 'Versions, newest first' })
  listFilterVersions({ path, query }: CallOf<typeof controlApi.listFilterVersions>): Promise<FilterVersionPage> {
    return this.filters.versions(path.name, query);
  }
}
