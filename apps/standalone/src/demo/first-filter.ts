import { type ApiClient, controlApi, type FilterVersion } from '@bpfleet/contract';
import { hasCode } from '@bpfleet/errors';
import type { StandaloneOptions } from '../options.js';
import type { ChosenSource } from '../source.js';
import type { DemoTraffic } from './traffic.js';

export interface FirstFilter {
  readonly name: string;
  readonly description: string;
  readonly expression: string;
  readonly interfaces: readonly string[];
}

/** What is asked first: the demo's traffic, or the headers of everything where the user named the source. */
export function firstFilter(
  asked: StandaloneOptions,
  source: Pick<ChosenSource, 'kind'>,
  traffic: DemoTraffic,
): FirstFilter | undefined {
  if (asked.pcap !== undefined) {
    return { name: 'recorded', description: 'Everything in the recording.', expression: '', interfaces: ['*'] };
  }
  if (asked.interfaces !== undefined) {
    const description = 'Headers of everything on the interfaces that were named at start.';
    return { name: 'everything', description, expression: '', interfaces: asked.interfaces };
  }
  if (!asked.demo) return undefined;
  const expression = source.kind === 'live' ? traffic.expression : 'tcp port 7480 or udp port 53';
  return { name: 'demo', description: 'The traffic that the demo makes.', expression, interfaces: ['lo'] };
}

/** Makes the filter, or a version of it when it asks for something else by now, and puts it on every agent. */
export async function applyFirstFilter(client: ApiClient, filter: FirstFilter): Promise<FilterVersion> {
  const { name, description, expression } = filter;
  const wanted = { expression, interfaces: [...filter.interfaces] };
  const current = await latest(client, name);
  let version = current;
  if (current === undefined) {
    version = (await client.call(controlApi.createFilter, { body: { name, description, ...wanted } })).latest;
  } else if (current.expression !== expression || current.interfaces.join() !== wanted.interfaces.join()) {
    version = await client.call(controlApi.createFilterVersion, { path: { name }, body: wanted });
  }
  await client.call(controlApi.createAssignment, { body: { filter: name, version: version!.version } });
  return version!;
}

async function latest(client: ApiClient, name: string): Promise<FilterVersion | undefined> {
  try {
    return (await client.call(controlApi.getFilter, { path: { name } })).latest;
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}
