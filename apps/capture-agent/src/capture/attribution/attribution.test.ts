import { beforeEach, describe, expect, it } from 'vitest';
import type { CaptureMember } from '../../border/opener-port.js';
import { Attribution } from './attribution.js';
import { HEADER_BYTES, SAMPLED_WEIGHT } from './budget.js';
import { MemberLedger } from './member-ledger.js';
import type { MemberSet } from './member-set.js';
import type { ReadPacket } from './read-packet.js';
import { memberOf } from './testing/member.js';

/** Ethernet, IPv4, then a UDP or TCP header with this destination port. */
function packet(protocol: 'udp' | 'tcp', port: number, more: Partial<ReadPacket> = {}): ReadPacket {
  const bytes = new Uint8Array(60);
  bytes.set([0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, protocol === 'udp' ? 17 : 6], 12);
  bytes.set([0x12, 0x34, port >> 8, port & 0xff], 34);
  return {
    seconds: 1,
    nanoseconds: 0,
    bytes,
    start: 0,
    capturedLength: bytes.length,
    wireLength: bytes.length,
    flags: 0,
    protocol: 0x0800,
    packetType: 0,
    interfaceIndex: 1,
    vlanTagPresent: false,
    vlanTci: 0,
    vlanProtocol: 0,
    ...more,
  };
}

let ledger: MemberLedger;
beforeEach(() => {
  ledger = new MemberLedger();
});
const attributionOf = (...members: CaptureMember[]): Attribution => new Attribution(members, ledger.accountsOn('eth0'));
const versions = (set: MemberSet): string => set.versions.join(',');
const counted = (version: string) => ledger.versions().find((one) => one.version === version)!;

describe('Attribution', () => {
  it('names every member that accepts the packet, and none where none does', () => {
    const attribution = attributionOf(
      memberOf('web', 'tcp port 80'),
      memberOf('tcp', 'tcp'),
      memberOf('dns', 'udp port 53'),
    );
    expect(versions(attribution.attribute(packet('tcp', 80)))).toBe('web@1,tcp@1');
    expect(versions(attribution.attribute(packet('tcp', 81)))).toBe('tcp@1');
    expect(versions(attribution.attribute(packet('udp', 53)))).toBe('dns@1');
    expect(attribution.attribute(packet('udp', 54)).isEmpty).toBe(true);
  });

  it('gives the same set for the same members, so that it has one interface block in a section', () => {
    const attribution = attributionOf(memberOf('web', 'tcp port 80'), memberOf('tcp', 'tcp'));
    expect(attribution.attribute(packet('tcp', 80))).toBe(attribution.attribute(packet('tcp', 80)));
  });

  it('reads the metadata that the kernel shows beside the bytes', () => {
    const attribution = attributionOf(memberOf('tagged', 'vlan 7'), memberOf('out', 'outbound'));
    const tagged = { vlanTagPresent: true, vlanTci: 7, vlanProtocol: 0x8100 };
    expect(versions(attribution.attribute(packet('udp', 1, tagged)))).toBe('tagged@1');
    expect(versions(attribution.attribute(packet('udp', 1, { packetType: 4 })))).toBe('out@1');
  });

  it('takes the kernel at its word only on a socket of its own', () => {
    const attribution = attributionOf(memberOf('web', 'tcp port 80'));
    expect(attribution.attribute(packet('udp', 9)).isEmpty).toBe(true);
    attribution.trustsKernel = true;
    expect(versions(attribution.attribute(packet('udp', 9)))).toBe('web@1');
  });

  it.each([false, true])('leaves packets of other times to another socket: trusting the kernel %s', (trustsKernel) => {
    const attribution = attributionOf(memberOf('web', 'tcp port 80'));
    attribution.trustsKernel = trustsKernel;
    attribution.times = { fromMs: 5_000, untilMs: 6_000.5 };
    const isKept = (seconds: number, nanoseconds: number) =>
      !attribution.attribute(packet('tcp', 80, { seconds, nanoseconds })).isEmpty;
    expect([isKept(4, 999_999_999), isKept(5, 0), isKept(6, 499_999), isKept(6, 500_000)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(counted('web@1').matched).toBe(2);
  });

  it('keeps as many bytes as the longest snaplen among those that match', () => {
    const attribution = attributionOf(memberOf('web', 'tcp port 80', { snaplenBytes: 1500 }), memberOf('tcp', 'tcp'));
    expect(attribution.attribute(packet('tcp', 80)).snaplenBytes).toBe(1500);
    expect(attribution.attribute(packet('tcp', 81)).snaplenBytes).toBe(128);
  });

  it('marks a packet that lacks bytes which a member asks for, and counts it as matching', () => {
    const attribution = attributionOf(memberOf('web', 'tcp port 80'), memberOf('all', ''));
    const cut = attribution.attribute(packet('tcp', 80, { capturedLength: 30 }));
    expect([versions(cut), attribution.isUndecided]).toEqual(['web@1,all@1', true]);
    attribution.attribute(packet('tcp', 80));
    expect(attribution.isUndecided).toBe(false);
  });

  it('keeps one of N packets of a sampled filter, counts the others, and says for how many one stands', () => {
    const attribution = attributionOf(memberOf('all', '', { sampling: 10 }), memberOf('web', 'tcp port 80'));
    const sets = Array.from({ length: 100 }, () => versions(attribution.attribute(packet('udp', 1))));
    expect(sets.filter((set) => set === 'all@1')).toHaveLength(10);
    expect(counted('all@1')).toMatchObject({ matched: 100, sampledOut: 90, budgetDropped: 0 });
    expect(attribution.members[0]!.weight).toBe(10);
  });

  it('goes on counting to N where other filters come and go, and on every interface', () => {
    const sampled = memberOf('all', '', { sampling: 10 });
    for (let n = 1; n <= 12; n++) {
      const attribution = new Attribution(
        [sampled, memberOf('web', 'tcp port 80', { version: n })],
        ledger.accountsOn(`eth${n % 2}`),
      );
      for (let packets = 0; packets < 5; packets++) attribution.attribute(packet('udp', 1));
    }
    const counts = ledger.versions().filter(({ version }) => version === 'all@1');
    expect(counts.reduce((sum, { sampledOut }) => sum + sampledOut, 0)).toBe(54);
  });

  it('gives a filter less as its budget is spent, whatever the others do', () => {
    const limited = { budget: { packetsPerSecond: 10, bytesPerSecond: 0 }, snaplenBytes: 1500 };
    const attribution = attributionOf(memberOf('all', '', limited), memberOf('udp', 'udp'));
    ledger.turn(0);
    const first = Array.from({ length: 20 }, () => versions(attribution.attribute(packet('udp', 1))));
    expect(first.filter((set) => set === 'all@1,udp@1')).toHaveLength(10);
    expect(counted('all@1')).toMatchObject({ budgetDropped: 10, step: 'full' });
    expect(ledger.turn(1000)).toEqual([{ filter: 'all', step: 'headers' }]);
    expect(attribution.attribute(packet('udp', 1)).snaplenBytes).toBe(HEADER_BYTES);
    for (let i = 0; i < 20; i++) attribution.attribute(packet('udp', 1));
    expect(ledger.turn(2000)).toEqual([{ filter: 'all', step: 'sampled' }]);
    expect(attribution.members[0]!.weight).toBe(SAMPLED_WEIGHT);
    expect(counted('udp@1')).toMatchObject({ matched: 41, budgetDropped: 0, sampledOut: 0 });
  });

  it('goes on with counters and budget when the same filter comes again', () => {
    const limited = { budget: { packetsPerSecond: 2, bytesPerSecond: 0 } };
    ledger.turn(0);
    attributionOf(memberOf('all', '', limited)).attribute(packet('udp', 1));
    const next = attributionOf(memberOf('all', '', { ...limited, version: 2 }));
    expect(next.attribute(packet('udp', 1)).isEmpty).toBe(false);
    expect(next.attribute(packet('udp', 1)).isEmpty).toBe(true);
    expect([counted('all@1').matched, counted('all@2').matched]).toEqual([1, 2]);
  });

  it('throttles every filter, of later versions too, until it is told otherwise', () => {
    const attribution = attributionOf(memberOf('web', 'tcp port 80', { snaplenBytes: 1500 }));
    expect(attribution.attribute(packet('tcp', 80)).snaplenBytes).toBe(1500);
    ledger.throttle('headers');
    expect(attribution.attribute(packet('tcp', 80)).snaplenBytes).toBe(HEADER_BYTES);
    const later = attributionOf(memberOf('all', '', { snaplenBytes: 1500 }));
    expect(later.attribute(packet('udp', 1)).snaplenBytes).toBe(HEADER_BYTES);
    ledger.throttle('full');
    expect([attribution, later].map((one) => one.attribute(packet('tcp', 80)).snaplenBytes)).toEqual([1500, 1500]);
  });
});
