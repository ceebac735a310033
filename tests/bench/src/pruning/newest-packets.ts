import { jitThreeValued } from '@bpfleet/bpf';
import { compileWithSets } from '@bpfleet/pcap-filter';
import { planSections } from '@bpfleet/pruning';
import { forEachPacket } from '@bpfleet/section';
import type { SectionStore } from '@bpfleet/store';

/**
 * What a query of the newest packets asks of the store and does with it: plan, read section after section, evaluate each
 * packet, stop at the limit. Merging by time and writing rows come on top.
 * @returns how many sections had to be read
 */
export async function newestPackets(
  store: SectionStore,
  expression: string,
  range: { readonly sinceNs: bigint; readonly untilNs: bigint },
  limit: number,
): Promise<{ readonly sections: number; readonly packets: number }> {
  const { program, sets } = compileWithSets(expression, {});
  const run = jitThreeValued(program, sets);
  const query = { ...range, test: planSections(expression), order: 'newest' } as const;
  let [sections, packets] = [0, 0];
  for await (const { body } of store.sections(query)) {
    sections++;
    forEachPacket(body, ({ start, capturedLength, wireLength }) => {
      if (run(body, start, capturedLength, wireLength) !== 0) packets++;
      return true;
    });
    if (packets >= limit) break;
  }
  return { sections, packets };
}
