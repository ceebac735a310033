import { interpret } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { compile } from '../../compile.js';

/** A frame of 80 bytes: the EtherType and some bytes at their offsets. */
function frame(etherType: number, bytes: Readonly<Record<number, readonly number[]>>): Uint8Array {
  const packet = new Uint8Array(80);
  packet.set([etherType >> 8, etherType & 255], 12);
  for (const [offset, values] of Object.entries(bytes)) packet.set(values, Number(offset));
  return packet;
}

const [A, B] = [
  [10, 0, 0, 1],
  [10, 0, 0, 2],
];
const SIX = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
const frames = {
  // 10.0.0.1:1234 > 10.0.0.2:80, IPv4 header of 24 bytes
  tcp: frame(0x0800, {
    0: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    14: [0x46],
    23: [6],
    26: A,
    30: B,
    38: [4, 210, 0, 80],
  }),
  udp: frame(0x0800, { 14: [0x45], 23: [17], 26: B, 30: A, 34: [0, 53, 0, 80] }),
  fragment: frame(0x0800, { 14: [0x45], 20: [0, 1], 23: [6], 26: A, 30: B, 34: [4, 210, 0, 80] }),
  firstFragment: frame(0x0800, { 14: [0x45], 20: [0x20, 0], 23: [6], 26: A, 30: B, 34: [4, 210, 0, 80] }),
  icmp: frame(0x0800, { 14: [0x45], 23: [1], 26: A, 30: B }),
  arp: frame(0x0806, { 28: A, 38: B }),
  rarp: frame(0x8035, { 28: A, 38: B }),
  tcp6: frame(0x86dd, { 20: [6], 22: SIX, 54: [4, 210, 0, 80] }),
  fragment6: frame(0x86dd, { 20: [44], 22: SIX, 54: [6, 0, 0, 80] }),
  icmp6: frame(0x86dd, { 20: [58], 38: SIX }),
  other: frame(0x88cc, {}),
};
type Kind = keyof typeof frames;

describe('what a filter matches on Ethernet', () => {
  it.each<[string, Kind[]]>([
    ['ip', ['tcp', 'udp', 'fragment', 'firstFragment', 'icmp']],
    ['ip6', ['tcp6', 'fragment6', 'icmp6']],
    ['arp or rarp', ['arp', 'rarp']],
    ['tcp', ['tcp', 'fragment', 'firstFragment', 'tcp6', 'fragment6']],
    ['ip proto 6', ['tcp', 'fragment', 'firstFragment']],
    ['ip6 proto 6', ['tcp6', 'fragment6']],
    ['udp', ['udp']],
    ['icmp', ['icmp']],
    ['icmp6', ['icmp6']],
    ['not ip and not ip6', ['arp', 'rarp', 'other']],
    // Addresses are looked for in ARP and RARP too; ports neither in later fragments nor behind IPv6 extensions.
    ['src host 10.0.0.1', ['tcp', 'fragment', 'firstFragment', 'icmp', 'arp', 'rarp']],
    ['dst 10.0.0.1', ['udp']],
    ['host 10.0.0.1', ['tcp', 'udp', 'fragment', 'firstFragment', 'icmp', 'arp', 'rarp']],
    ['src and dst net 10.0.0.0/30', ['tcp', 'udp', 'fragment', 'firstFragment', 'icmp', 'arp', 'rarp']],
    ['src and dst host 10.0.0.1', []],
    ['arp dst host 10.0.0.2', ['arp']],
    ['rarp host 10.0.0.2', ['rarp']],
    ['dst net 10.0.0.2/31', ['tcp', 'fragment', 'firstFragment', 'icmp', 'arp', 'rarp']],
    ['ip and not net 10', []],
    ['src 2001:db8::7', ['tcp6', 'fragment6']],
    ['dst net 2001:db8::/32', ['icmp6']],
    ['net 2001:db8::/33', ['tcp6', 'fragment6', 'icmp6']],
    ['host 2001:db8::8', []],
    ['port 80', ['tcp', 'udp', 'firstFragment', 'tcp6']],
    ['dst port 80', ['tcp', 'udp', 'firstFragment', 'tcp6']],
    ['src port 80', []],
    ['tcp src port 1234', ['tcp', 'firstFragment', 'tcp6']],
    ['src portrange 50-53', ['udp']],
    ['src portrange 54-1233', []],
    ['src and dst portrange 53-80', ['udp']],
    ['sctp port 80', []],
    ['ether src 7:8:9:a:b:c', ['tcp']],
    ['ether dst 1:2:3:4:5:6', ['tcp']],
    ['ether host 1:2:3:4:5:6 or 7:8:9:a:b:d', ['tcp']],
    ['ether src 1:2:3:4:5:6', []],
    ['less 80 and greater 80 and arp', ['arp']],
    ['less 79 or greater 81', []],
  ])('%s', (expression, expected) => {
    for (const optimize of [true, false]) {
      const matched = Object.entries(frames).flatMap(([kind, bytes]) => {
        const { program } = compile(expression, { optimize: optimize && expected.length > 0 });
        return interpret(program, { bytes, start: 0, capturedLength: 80, wireLength: 80 }) === 0 ? [] : [kind];
      });
      expect(matched).toEqual(expected);
    }
  });

  it('refuses a packet too short for a test that comes before a match', () => {
    const verdict = (expression: string, length: number) =>
      interpret(compile(expression).program, {
        bytes: frames.tcp,
        start: 0,
        capturedLength: length,
        wireLength: length,
      });
    expect([verdict('not port 1', 39), verdict('not port 1', 42)]).toEqual([0, 262_144]);
    // A list is one test: both of its values are looked for at the source before the destination is.
    expect(verdict('host 10.0.0.9 or 10.0.0.1', 30)).toBe(262_144);
  });
});
