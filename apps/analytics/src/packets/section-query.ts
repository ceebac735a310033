import type { SectionOrder, SectionQuery } from '@bpfleet/store';
import type { PacketRequest } from './packet-request.js';

/** The sections to look into. A request's range ends before `untilNs`, the store's includes its end. */
export const sectionQuery = (
  { sinceNs, untilNs, agent, version, sectionTest }: Asked,
  order: SectionOrder,
): SectionQuery & { order: SectionOrder } => ({
  ...{ sinceNs, untilNs: untilNs - 1n, agent, filter: version, order },
  test: sectionTest,
});

type Asked = Pick<PacketRequest, 'sinceNs' | 'untilNs' | 'agent' | 'version' | 'sectionTest'>;
