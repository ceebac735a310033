import type { PacketRequest } from '../packets/packet-request.js';
import { sectionQuery } from '../packets/section-query.js';
import type { SectionSource } from '../packets/section-source.js';

/** How far a scan of a range came: whatever ends at `sinceNs` or later was read, or passed over by its index. */
export interface Passed {
  readonly sinceNs: bigint;
  /** Of these, how many were read. */
  readonly sectionsRead: number;
}

/** Sections that a scan passed over. They are counted by themselves, so that reading the others stays as fast as it is. */
export async function sectionsPruned(
  source: Pick<SectionSource, 'count'>,
  request: PacketRequest,
  { sinceNs, sectionsRead }: Passed,
): Promise<number> {
  if (request.sectionTest.kind === 'all') return 0;
  const there = await source.count(sectionQuery({ ...request, sinceNs }, 'newest'));
  // Sections come in and are removed meanwhile.
  return Math.max(0, there - sectionsRead);
}
