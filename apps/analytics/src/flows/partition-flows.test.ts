import { describe, expect, it } from 'vitest';
import { makeSection, NOW_MS, NOW_NS, tcpFrame } from '../testing/sections.js';
import { flowLimits, PartitionFlows } from './partition-flows.js';

const PER_SECTION = 1_000;
const bytes = tcpFrame(1);

/** Flows of as many sections as it takes for `count` packets. */
function flowsOf(count: number, packet: (n: number) => { readonly atNs: bigint; readonly bytes: Uint8Array }) {
  const flows = new PartitionFlows();
  for (let first = 0; first < count; first += PER_SECTION) {
    const packets = Array.from({ length: PER_SECTION }, (_, n) => packet(first + n));
    const { value } = makeSection({ agent: 'host-1', epoch: 1, seq: first, filter: 'web@3', packets });
    flows.add('host-1', value, NOW_MS);
  }
  return flows;
}

describe('PartitionFlows', () => {
  it('are due after their time, also when the clock is set back', () => {
    const flows = flowsOf(PER_SECTION, () => ({ atNs: NOW_NS, bytes }));
    const isDue = [-1, 0, flowLimits.ageMs - 1, flowLimits.ageMs].map((ms) => flows.isDue(NOW_MS + ms));
    expect(isDue).toEqual([true, false, false, true]);
  });
  it('are due when they are of many minutes', async () => {
    const minute = (n: number) => ({ atNs: BigInt(n) * 60_000_000_000n, bytes });
    expect(flowsOf(flowLimits.minutes - PER_SECTION, minute).isDue(NOW_MS)).toBe(false);
    const flows = flowsOf(flowLimits.minutes, minute);
    expect(flows.isDue(NOW_MS)).toBe(true);
    expect((await flows.take(1n)).minutes).toHaveLength(flowLimits.minutes);
    expect([flows.isEmpty, flows.isDue(NOW_MS)]).toEqual([true, false]);
  });
  it('are due when they are many', () => {
    const frame = bytes.slice();
    const flow = (n: number) => {
      // The source's address.
      new DataView(frame.buffer).setUint32(26, 0x0a000000 + n);
      return { atNs: NOW_NS, bytes: frame.slice() };
    };
    expect(flowsOf(flowLimits.flows - PER_SECTION, flow).isDue(NOW_MS)).toBe(false);
    expect(flowsOf(flowLimits.flows, flow).isDue(NOW_MS)).toBe(true);
  });
});
