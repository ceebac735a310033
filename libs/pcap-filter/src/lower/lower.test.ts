import { describe, expect, it } from 'vitest';
import { type Bytes, ethernet, ipv4, ipv6, tag, u32 } from '../../../../tests/conformance/ir/layers.js';
import { conditionsOf, holdsFor } from '../../../../tests/conformance/ir/lowered.js';
import type { LowerOptions } from './lower.js';

const METADATA = {
  protocol: 0x0800,
  packetType: 0,
  interfaceIndex: 7,
  vlanTagPresent: false,
  vlanTci: 0,
  vlanProtocol: 0,
};

describe('lower', () => {
  it('joins the conditions of terms as the terms are joined', () => {
    expect(conditionsOf('not (less 60 and greater 20) or less 5')).toBe(
      '( not ( len in {0x0-0x3c} and len in {0x14-} ) or len in {0x0-0x5} )',
    );
  });
  it('takes every packet for an empty expression', () => {
    expect(conditionsOf('')).toBe('always');
  });

  it.each<[string, string, Bytes, Partial<LowerOptions>, boolean]>([
    ['a packet that is just so long', 'less 4', [1, 2, 3, 4], {}, true],
    ['a longer one', 'less 4', [1, 2, 3, 4, 5], {}, false],
    ['IP multicast from 224 on', 'ip multicast', ethernet(0x0800, ipv4({ destination: 0xe000_0001 })), {}, true],
    ['an address below', 'ip multicast', ethernet(0x0800, ipv4({ destination: 0xdfff_ffff })), {}, false],
    [
      'IPv6 multicast',
      'ip6 multicast',
      ethernet(0x86dd, ipv6({ destination: [0xff, 2, ...Array(14).fill(0)] })),
      {},
      true,
    ],
    [
      'a host part of ones',
      'ip broadcast',
      ethernet(0x0800, ipv4({ destination: 0x0a00_00ff })),
      { netmask: 0xffff_ff00 },
      true,
    ],
    [
      'a host part of zeros',
      'ip broadcast',
      ethernet(0x0800, ipv4({ destination: 0x0a00_0100 })),
      { netmask: 0xffff_ff00 },
      true,
    ],
    [
      'ones of another mask',
      'ip broadcast',
      ethernet(0x0800, ipv4({ destination: 0x0a00_00ff })),
      { netmask: 0xffff_0000 },
      false,
    ],
    ['a sent packet of cooked captures', 'outbound', [0, 4, ...Array(14).fill(0)], { linkType: 'LINUX_SLL' }, true],
    ['a received one', 'inbound', [0, 0, ...Array(14).fill(0)], { linkType: 'LINUX_SLL' }, true],
    [
      'a sent packet of the second form',
      'outbound',
      [...Array(10).fill(0), 4, ...Array(9).fill(0)],
      { linkType: 'LINUX_SLL2' },
      true,
    ],
    [
      'the interface of the second form',
      'ifindex 300',
      [0, 0, 0, 0, ...u32(300), ...Array(12).fill(0)],
      { linkType: 'LINUX_SLL2' },
      true,
    ],
    ['IS-IS', 'isis', ethernet(40, [0xfe, 0xfe, 3, 0x83, 27, 1, 0, 15]), {}, true],
    ['a PDU of its first level', 'l1', ethernet(40, [0xfe, 0xfe, 3, 0x83, 27, 1, 0, 15]), {}, true],
    ['a PDU of the second level', 'l1', ethernet(40, [0xfe, 0xfe, 3, 0x83, 27, 1, 0, 16]), {}, false],
    ['another OSI protocol', 'clnp', ethernet(40, [0xfe, 0xfe, 3, 0x81]), {}, true],
    ['a beacon', 'type mgt subtype beacon', [0x80, 0], { linkType: 'IEEE802_11' }, true],
    ['a frame from the distribution system', 'dir fromds', [0x08, 0x42], { linkType: 'IEEE802_11' }, true],
  ])('finds %s: %s', (_, text, bytes, options, expected) => {
    expect(holdsFor(text, bytes, options)).toBe(expected);
  });
  it.each<[string, Partial<typeof METADATA>, boolean]>([
    ['outbound', { packetType: 4 }, true],
    ['outbound', { packetType: 3 }, false],
    ['inbound', { packetType: 3 }, true],
    ['ifindex 7', {}, true],
    ['ifindex 8', {}, false],
  ])('asks the kernel on a capture: %s of %j', (text, metadata, expected) => {
    expect(holdsFor(text, ethernet(0x0800, []), { live: true }, { ...METADATA, ...metadata })).toBe(expected);
  });

  it.each<[string, Partial<LowerOptions>, RegExp]>([
    ['inbound', {}, /“inbound” is known of a live capture only/],
    ['ifindex 3', { linkType: 'LINUX_SLL' }, /“ifindex” is known of a live capture only/],
    ['ip broadcast', {}, /the netmask is not known/],
    ['type data', {}, /802.11 frame types exist on 802.11, not on Ethernet/],
    ['mpls', { linkType: 'RAW' }, /no MPLS labels on raw IP/],
  ])('refuses “%s” with %j', (text, options, message) => {
    expect(() => conditionsOf(text, options)).toThrow(message);
  });
  it('refuses what no program has room for', () => {
    const many = (count: number, term: string) => Array(count).fill(term).join(' or ');
    expect(() => conditionsOf(many(9000, 'tcp[0] = 1'))).toThrow(/no target has room for more than 24576/);
    expect(() => conditionsOf(many(300, 'geneve'))).toThrow(/room for more than 1024, \d+ fewer/);
  });

  describe('VLAN-transparent', () => {
    const options = { vlanTransparent: true };
    const frames = [
      ethernet(0x0800, ipv4({})),
      ethernet(0x8100, tag(5, 0x0800, ipv4({}))),
      ethernet(0x88a8, tag(5, 0x8100, tag(6, 0x0800, ipv4({})))),
      ethernet(0x88a8, tag(5, 0x8100, tag(6, 0x8100, tag(7, 0x0800, ipv4({}))))),
    ];
    it('looks behind up to two tags', () => {
      expect(frames.map((frame) => holdsFor('src host 10.0.0.1', frame, options))).toEqual([true, true, true, false]);
    });
    it('lets “vlan” move nothing', () => {
      expect(frames.map((frame) => holdsFor('vlan 5 and ip', frame, options))).toEqual([false, true, true, false]);
      expect(frames.map((frame) => holdsFor('vlan 6 or ip', frame, options))).toEqual([true, true, true, false]);
    });
    it('asks for nothing where no term looks behind tags', () => {
      expect(conditionsOf('less 60', options)).toBe('len in {0x0-0x3c}');
    });
    it('is about Ethernet', () => {
      expect(conditionsOf('ip', { ...options, linkType: 'LINUX_SLL' })).toBe('[14:2] == 0x800');
    });
  });
});
