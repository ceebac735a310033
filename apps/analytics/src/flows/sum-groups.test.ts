import { HostSums, ServiceSums, type StoredSum, type Totals } from '@bpfleet/store';
import { describe, expect, it } from 'vitest';
import { byAgent, byFilter, byTime, HostGroups, ServiceGroups, type SumGroups } from './sum-groups.js';

const HOUR_NS = 3_600_000_000_000n;
const counts = { packets: 3, bytes: 300, otherPackets: 1, otherBytes: 60, unclearPackets: 0, unclearBytes: 0 };
const hostKeys = (...hosts: number[]): Uint8Array => {
  const sums = new HostSums();
  for (const host of hosts) {
    const address = Uint8Array.of(10, 0, host >> 8, host & 255);
    sums.addFlow(address, address, host, 100);
  }
  return sums.encode();
};
const serviceKeys = (): Uint8Array => {
  const sums = new ServiceSums();
  sums.add(6, 443, 2, 240);
  return sums.encode();
};
const sum = (rest: Partial<StoredSum>): StoredSum => ({
  ...{ bucketNs: 0n, agent: 'host-1', filters: 'web@3', weights: '', keys: new Uint8Array(), ...counts },
  ...rest,
});

/** As the store does: what is told is gone behind the call. */
function add(groups: SumGroups, ...sums: StoredSum[]): void {
  for (const one of sums) {
    groups.add(one);
    one.keys.fill(0);
  }
}
const packetsOf = (groups: SumGroups): Record<string, [number, number]> =>
  Object.fromEntries(
    groups
      .entries('packets', 10)
      .map(([key, { packets, estimatedPackets }]: readonly [string, Totals]) => [key, [packets, estimatedPackets]]),
  );

describe('Sums that are added up while they arrive', () => {
  it('count hosts, and estimate them by each sum’s weight', () => {
    const groups = new HostGroups(undefined);
    add(groups, sum({ keys: hostKeys(1, 2) }), sum({ keys: hostKeys(2, 5), weights: '10' }));
    expect(packetsOf(groups)).toEqual({ '10.0.0.5': [5, 50], '10.0.0.2': [4, 22], '10.0.0.1': [1, 1] });
  });
  it('count services, and estimate them by each sum’s weight', () => {
    const [ports, protocols] = [new ServiceGroups(undefined, 'port'), new ServiceGroups(undefined, 'protocol')];
    for (const groups of [ports, protocols]) {
      add(groups, sum({ keys: serviceKeys() }), sum({ keys: serviceKeys(), weights: '10' }));
    }
    expect(packetsOf(ports)).toEqual({ '443': [4, 22], other: [2, 11] });
    expect(packetsOf(protocols)).toEqual({ tcp: [4, 22], other: [2, 11] });
  });
  it('count agents, versions and steps', () => {
    const [agents, filters, steps] = [byAgent(undefined), byFilter(undefined), byTime(undefined, HOUR_NS)];
    for (const groups of [agents, filters, steps]) {
      add(groups, sum({}), sum({ agent: 'host-2', bucketNs: HOUR_NS, filters: 'web@3,dns@1', weights: '2,5' }));
    }
    expect(packetsOf(agents)).toEqual({ 'host-1': [3, 3], 'host-2': [3, 6] });
    expect(packetsOf(filters)).toEqual({ 'web@3': [6, 9], 'dns@1': [3, 15] });
    expect(packetsOf(steps)).toEqual({ '0': [3, 3], '1': [3, 6] });
  });
});
