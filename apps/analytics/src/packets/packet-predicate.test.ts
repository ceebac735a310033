import { buildEthernet, LinkType } from '@bpfleet/packet';
import { forEachPacket } from '@bpfleet/section';
import { describe, expect, it } from 'vitest';
import { makeSection, NOW_NS, type TestPacket, tcpFrame } from '../testing/sections.js';
import type { Direction } from './packet-direction.js';
import { packetPredicates } from './packet-predicate.js';
import type { Verdict } from './packet-verdict.js';

/** Verdicts on packets as a section stores them. */
function verdicts(
  expression: string,
  packets: readonly Omit<TestPacket, 'atNs'>[],
  linkType: number = LinkType.EN10MB,
  direction?: Direction,
): Verdict[] {
  const predicate = packetPredicates(expression)(linkType, direction);
  const timed = packets.map((packet) => ({ ...packet, atNs: NOW_NS }));
  const { value } = makeSection({ agent: 'a', epoch: 1, seq: 0, filter: 'web@1', linkType, packets: timed });
  const answers: Verdict[] = [];
  forEachPacket(value, (packet) => {
    answers.push(predicate(value, packet));
    return true;
  });
  return answers;
}

const web = tcpFrame(1, 80);
const dns = tcpFrame(1, 53);
const tag = { tpid: 0x8100, tci: 10 };

describe('packetPredicates', () => {
  it('takes every packet for an empty expression, of any link type', () => {
    expect(verdicts('', [{ bytes: web }])).toEqual(['yes']);
    expect(verdicts(' \n', [{ bytes: web }], LinkType.NETLINK)).toEqual(['yes']);
  });
  it('says yes and no', () => {
    expect(verdicts('tcp port 80', [{ bytes: web }, { bytes: dns }])).toEqual(['yes', 'no']);
  });
  it('is undecided where the deciding bytes were cut off', () => {
    const cut = [{ bytes: web, capturedLength: 30 }];
    expect(verdicts('tcp port 80', cut)).toEqual(['undecided']);
    expect(verdicts('ip6', cut)).toEqual(['no']);
    expect(verdicts('ip', cut)).toEqual(['yes']);
  });
  it('is undecided about link types that the language does not cover', () => {
    expect(verdicts('tcp', [{ bytes: web }], LinkType.NETLINK)).toEqual(['undecided']);
  });
  it.each(['ether host 02:00:00:00:00:01', 'vlan 5', 'not vlan 5', 'ether host 02:00:00:00:00:01 and host 9.9.9.9'])(
    'says no on a link type that has no such term, as no filter runs there: %s',
    (expression) => {
      expect(verdicts(expression, [{ bytes: web.subarray(14) }], LinkType.RAW)).toEqual(['no']);
    },
  );
  it('evaluates a frame as the kernel saw it when its tag was metadata', () => {
    expect(
      verdicts('tcp port 80', [
        { bytes: web, vlan: tag },
        { bytes: dns, vlan: tag },
      ]),
    ).toEqual(['yes', 'no']);
  });
  it.each([
    ['matches nothing in a file', 'ether proto 0x0800 and vlan', ['no', 'yes']],
    ['matches nothing in a kernel', 'vlan and ether[12:2] = 0x8100', ['no', 'no']],
  ])('evaluates each frame by its own form where the expression %s', (_form, expression, expected) => {
    expect(verdicts(expression, [{ bytes: web }, { bytes: web, vlan: tag }])).toEqual(expected);
  });
  it('evaluates a tag in the data as data, as the kernel did', () => {
    const tagged = buildEthernet({ tags: [{ id: 10 }], payload: web.subarray(14) });
    expect(verdicts('tcp port 80', [{ bytes: tagged }])).toEqual(['no']);
  });
  it('keeps the cut of a frame whose tag was metadata', () => {
    expect(verdicts('tcp port 80', [{ bytes: web, vlan: tag, capturedLength: 30 }])).toEqual(['undecided']);
    expect(verdicts('tcp port 80', [{ bytes: web, vlan: tag, capturedLength: 38 }])).toEqual(['yes']);
  });
  it('knows the direction from the interface block, with a tag and without', () => {
    const packets = [{ bytes: web }, { bytes: dns }, { bytes: web, vlan: tag }, { bytes: web, capturedLength: 30 }];
    const ethernet = LinkType.EN10MB;
    const asked = 'inbound and tcp port 80';
    expect(verdicts(asked, packets, ethernet, 'in')).toEqual(['yes', 'no', 'yes', 'undecided']);
    expect(verdicts(asked, packets, ethernet, 'out')).toEqual(['no', 'no', 'no', 'no']);
    expect(verdicts('outbound and vlan 10', packets, ethernet, 'out')).toEqual(['no', 'no', 'yes', 'no']);
  });
  it('decides what does not depend on a direction that is not known', () => {
    const packets = [{ bytes: web }, { bytes: dns }];
    expect(verdicts('inbound and tcp port 80', packets)).toEqual(['undecided', 'no']);
    expect(verdicts('inbound or tcp port 80', packets)).toEqual(['yes', 'undecided']);
  });
  it('is undecided about the index of an interface, which nothing stored says', () => {
    expect(verdicts('ifindex 2', [{ bytes: web }], LinkType.EN10MB, 'in')).toEqual(['undecided']);
  });
  it('tells where the expression is wrong', () => {
    expect(() => packetPredicates('tcp prt 80')).toThrow(expect.objectContaining({ code: 'FILTER_SYNTAX' }));
  });
});
