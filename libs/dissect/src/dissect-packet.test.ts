import {
  buildArp,
  buildEthernet,
  buildIcmp,
  buildIcmpv6,
  buildIpv4,
  buildIpv6,
  buildTcp,
  buildUdp,
  concatenate,
  LinkType,
  TcpFlag,
} from '@bpfleet/packet';
import { describe, expect, it } from 'vitest';
import { dissectPacket } from './dissect-packet.js';
import { dissectFrame, found, layerNames, nodesOf, valuesOf } from './testing/find.js';

const ends = { source: '192.0.2.1', destination: '198.51.100.2' };
const syn = buildTcp({
  ...ends,
  sourcePort: 40_000,
  destinationPort: 9_999,
  flags: TcpFlag.SYN,
  sequence: 7,
  options: { maxSegmentSize: 1460, sackPermitted: true, windowScale: 7, timestamps: [1, 2] },
});
const frame = buildEthernet({ payload: buildIpv4({ ...ends, protocol: 6, hasDontFragment: true, payload: syn }) });
const datagram = buildUdp({ ...ends, sourcePort: 40_000, destinationPort: 9_999, payload: 'hello' });

describe('dissectPacket', () => {
  it('gives a layer for each protocol, with its place in the packet', () => {
    expect(dissectFrame(frame)).toMatchObject([
      { name: 'eth', text: 'Ethernet', offset: 0, lengthBytes: 14 },
      { name: 'ip', text: 'Internet Protocol Version 4', offset: 14, lengthBytes: 20 },
      { name: 'tcp', text: 'Transmission Control Protocol', offset: 34, lengthBytes: 40 },
    ]);
  });

  it('gives fields by Wireshark’s names, with place, value and text', () => {
    const tree = dissectFrame(frame);
    expect(found(tree, 'ip.src')).toEqual([
      { name: 'ip.src', text: 'Source: 192.0.2.1', offset: 26, lengthBytes: 4, value: '192.0.2.1' },
    ]);
    expect(found(tree, 'ip.flags.df')).toEqual([
      { name: 'ip.flags.df', text: "Don't fragment: set", offset: 20, lengthBytes: 1, value: true },
    ]);
    expect(found(tree, 'tcp.flags')).toMatchObject([{ text: 'Flags: 0x002 (SYN)', value: 2, offset: 46 }]);
    expect(valuesOf(tree, 'tcp.options.mss_val')).toEqual([1460]);
    expect(valuesOf(tree, 'tcp.option_kind')).toEqual([2, 4, 8, 1, 3]);
  });

  it('tells tags, padding and what follows it apart from the packet inside', () => {
    const tags = [{ id: 5, tpid: 0x88a8 }, { id: 9 }];
    const short = buildEthernet({ tags, payload: buildIpv4({ ...ends, protocol: 17, payload: datagram }) });
    const tree = dissectFrame(concatenate(short, new Uint8Array(10)));
    expect(layerNames(tree)).toEqual(['eth', 'ieee8021ad', 'vlan', 'ip', 'udp', 'data']);
    expect(found(tree, 'eth.padding')).toMatchObject([{ offset: 55, lengthBytes: 5 }]);
    expect(found(tree, 'vlan.trailer')).toMatchObject([{ offset: 60, lengthBytes: 5 }]);
    expect(found(tree, 'data.data')).toMatchObject([{ offset: 50, lengthBytes: 5 }]);
  });

  it('reads ARP for Ethernet and IPv4', () => {
    const who = { senderMac: '02:00:00:00:00:01', senderAddress: '10.0.0.1', targetAddress: '10.0.0.2' };
    const tree = dissectFrame(
      buildEthernet({ etherType: 0x0806, payload: buildArp({ operation: 'request', ...who }) }),
    );
    expect(valuesOf(tree, 'arp.src.hw_mac')).toEqual(['02:00:00:00:00:01']);
    expect(valuesOf(tree, 'arp.dst.proto_ipv4')).toEqual(['10.0.0.2']);
  });

  it('puts the packet that an ICMP error quotes inside its layer, and says where the quote ends', () => {
    const quote = buildIpv4({ ...ends, protocol: 6, payload: syn }).subarray(0, 28);
    const error = buildIcmp({ type: 3, code: 4, word: 1400, payload: quote });
    const tree = dissectFrame(buildEthernet({ payload: buildIpv4({ ...ends, protocol: 1, payload: error }) }));
    expect(layerNames(tree)).toEqual(['eth', 'ip', 'icmp']);
    expect(valuesOf(tree, 'icmp.mtu')).toEqual([1400]);
    expect(valuesOf(tree, 'tcp.seq')).toEqual([7]);
    expect(layerNames(tree[2]!.children!)).toEqual(expect.arrayContaining(['ip', 'tcp', '_ws.unreassembled']));
  });

  it('reads of a redirect’s quote what RFC 792 promises, and of other quotes all', () => {
    const quote = buildIpv4({ ...ends, protocol: 6, payload: syn });
    const flags = [5, 11].map((type) => {
      const payload = buildIpv4({ ...ends, protocol: 1, payload: buildIcmp({ type, payload: quote }) });
      return valuesOf(dissectFrame(buildEthernet({ payload })), 'tcp.flags');
    });
    expect(flags).toEqual([[], [TcpFlag.SYN]]);
  });

  it('shows each zero behind the end of TCP options, and says of other bytes that they are none', () => {
    const withOptions = (...options: number[]) => {
      const segment = concatenate(syn.slice(0, 20), Uint8Array.from(options));
      segment[12] = (segment.length / 4) << 4;
      return dissectFrame(buildEthernet({ payload: buildIpv4({ ...ends, protocol: 6, payload: segment }) }));
    };
    expect(valuesOf(withOptions(1, 0, 0, 0), 'tcp.option_kind')).toEqual([1, 0, 0, 0]);
    const tree = withOptions(0, 0, 2, 4, 5, 6, 1, 0);
    expect(valuesOf(tree, 'tcp.option_kind')).toEqual([0, 0]);
    expect(found(tree, '_ws.expert')).toMatchObject([{ text: expect.stringContaining('behind the end') }]);
  });

  it.each<[string, number, string[], string[], string[], string[]]>([
    ['to be gone', 4, ['198.51.100.2'], [], ['10.0.0.1'], ['10.0.0.2']],
    ['half gone', 8, ['198.51.100.2'], ['10.0.0.1'], [], ['10.0.0.2']],
    ['gone', 12, [], ['10.0.0.1', '10.0.0.2'], [], ['198.51.100.2']],
    ['with a pointer between addresses', 5, [], [], [], ['198.51.100.2']],
  ])(
    'tells the destination from the hops of a source route %s',
    (_, pointer, current, recorded, ahead, destination) => {
      const options = Uint8Array.of(131, 11, pointer, 10, 0, 0, 1, 10, 0, 0, 2, 0);
      const tree = dissectFrame(
        buildEthernet({ payload: buildIpv4({ ...ends, protocol: 17, payload: datagram, options }) }),
      );
      expect(['ip.cur_rt', 'ip.rec_rt', 'ip.src_rt', 'ip.dst'].map((name) => valuesOf(tree, name))).toEqual([
        ...[current, recorded, ahead, destination],
      ]);
    },
  );

  it('takes the first of two source routes for the one that the packet is on', () => {
    const options = concatenate(
      Uint8Array.of(131, 7, 8, 10, 0, 0, 1),
      Uint8Array.of(131, 7, 4, 10, 0, 0, 2),
      new Uint8Array(2),
    );
    const payload = buildIpv4({ ...ends, protocol: 17, payload: datagram, options });
    const tree = dissectFrame(buildEthernet({ payload }));
    expect(valuesOf(tree, 'ip.cur_rt')).toEqual([]);
    expect(valuesOf(tree, 'ip.dst')[0]).toBe('198.51.100.2');
    expect(found(tree, 'ip.options.route')).toHaveLength(2);
  });

  it('says of a MAC address whether it is local, and of a group', () => {
    const tree = dissectFrame(
      buildEthernet({ destination: '33:33:00:00:00:01', source: '00:00:5e:00:53:01', payload: frame.subarray(14) }),
    );
    const bits = ['eth.dst.lg', 'eth.dst.ig', 'eth.src.lg', 'eth.src.ig'];
    expect(bits.map((name) => valuesOf(tree, name))).toEqual([[true], [true], [false], [false]]);
  });

  it('reads the home address of a mobile host’s routing header, and each byte of padding', () => {
    const six = { source: '2001:db8::1', destination: '2001:db8::2' };
    const home = Uint8Array.of(0x20, 1, 0x0d, 0xb8, ...new Array<number>(11).fill(0), 9);
    const extensions = [
      { type: 43, body: concatenate(Uint8Array.of(2, 1, 0, 0, 0, 0), home) },
      { type: 60, body: Uint8Array.of(1, 2, 0, 0, 0, 0) },
    ];
    const tree = dissectFrame(
      buildEthernet({ payload: buildIpv6({ ...six, protocol: 17, payload: datagram, extensions }) }),
    );
    expect(valuesOf(tree, 'ipv6.routing.mipv6.home_address')).toEqual(['2001:db8::9']);
    expect(found(tree, 'ipv6.opt.pad1')).toMatchObject([{ lengthBytes: 1 }, { lengthBytes: 1 }]);
  });

  it('reads all flags of a router advertisement and of its prefix', () => {
    const six = { source: 'fe80::1', destination: 'ff02::1' };
    const prefix = concatenate(Uint8Array.of(3, 4, 64, 0xe1), new Uint8Array(28));
    const payload = buildIcmpv6({
      ...six,
      type: 134,
      word: 0x40_3c_00_00,
      payload: concatenate(new Uint8Array(8), prefix),
    });
    const tree = dissectFrame(buildEthernet({ payload: buildIpv6({ ...six, protocol: 58, payload }) }));
    const flags = (of: string, ...names: string[]) =>
      names.map((name) => valuesOf(tree, `icmpv6.${of}.flag.${name}`)[0]);
    expect(flags('nd.ra', 'm', 'h', 'prf', 'p', 'rsv')).toEqual([false, true, 3, true, 0]);
    expect(flags('opt.prefix', 'l', 'a', 'r', 'reserved')).toEqual([true, true, true, 1]);
  });

  it('walks IPv6 extension headers inside their layer', () => {
    const six = { source: '2001:db8::1', destination: '2001:db8::2' };
    const extensions = [
      { type: 0, body: Uint8Array.of(5, 2, 0, 0, 1, 0) },
      { type: 44, body: Uint8Array.of(0, 0, 0, 0, 0, 9) },
    ];
    const payload = buildUdp({ ...six, sourcePort: 1, destinationPort: 2 });
    const tree = dissectFrame(buildEthernet({ payload: buildIpv6({ ...six, protocol: 17, payload, extensions }) }));
    expect(layerNames(tree)).toEqual(['eth', 'ipv6', 'udp']);
    expect(tree[1]).toMatchObject({ offset: 14, lengthBytes: 56 });
    expect(valuesOf(tree, 'ip.version')).toEqual([6]);
    expect(valuesOf(tree, 'ipv6.fraghdr.ident')).toEqual([9]);
    expect(valuesOf(tree, 'ipv6.opt.router_alert')).toEqual([0]);
  });

  it.each([
    ['LINUX_SLL', LinkType.LINUX_SLL, Uint8Array.of(0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0)],
    ['LINUX_SLL2', LinkType.LINUX_SLL2, Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0)],
    ['RAW', LinkType.RAW, new Uint8Array()],
    ['IPV4', LinkType.IPV4, new Uint8Array()],
    ['NULL in little endian', LinkType.NULL, Uint8Array.of(2, 0, 0, 0)],
    ['LOOP', LinkType.LOOP, Uint8Array.of(0, 0, 0, 2)],
  ])('begins with link type %s', (_, linkType, header) => {
    const packet = concatenate(header, buildIpv4({ ...ends, protocol: 17, payload: datagram }));
    expect(layerNames(dissectPacket({ bytes: packet, linkType }))).toEqual(
      expect.arrayContaining(['ip', 'udp', 'data']),
    );
  });

  it('shows a link type that it does not know as data', () => {
    expect(layerNames(dissectPacket({ bytes: frame, linkType: 147 }))).toEqual(['data']);
  });
});

describe('what is wrong with a packet', () => {
  it('is said where the capture ends, with all fields before', () => {
    const tree = dissectFrame(frame.subarray(0, 44), frame.length);
    expect(layerNames(tree)).toEqual(['eth', 'ip', 'tcp', '_ws.short']);
    expect(valuesOf(tree, 'tcp.seq_raw')).toEqual([7]);
    expect(valuesOf(tree, 'tcp.ack_raw')).toEqual([]);
    expect(tree[3]).toMatchObject({ offset: 44, lengthBytes: 0 });
  });

  it('is said where a packet ends before its header does', () => {
    const short = buildIpv4({ ...ends, protocol: 6, payload: syn.subarray(0, 10) });
    const tree = dissectFrame(buildEthernet({ payload: short }));
    expect(layerNames(tree)).toEqual(['eth', 'ip', 'tcp', '_ws.malformed']);
  });

  it.each<[string, number, number, string]>([
    ['another version', 14, 0x35, 'version 3 in an IPv4 packet'],
    ['an IPv4 header shorter than any', 14, 0x43, 'a header of 12 bytes is shorter than any'],
    ['an IPv4 length longer than the packet', 16, 0xff, 'is more than there is'],
    ['a TCP header shorter than any', 46, 0x10, 'a header of 4 bytes is shorter than any'],
    ['a TCP option that does not fit', 55, 0x30, 'option 2 at byte 54 does not fit'],
  ])('is said of %s', (_, at, byte, text) => {
    const bytes = frame.slice();
    bytes[at] = byte;
    expect(found(dissectFrame(bytes), '_ws.expert').map((node) => node.text)).toEqual([expect.stringContaining(text)]);
  });

  it('is said of an IPv6 option that does not fit, with its type and length', () => {
    const six = { source: '2001:db8::1', destination: '2001:db8::2' };
    const extensions = [{ type: 60, body: Uint8Array.of(0, 0x1e, 9, 1, 1, 1) }];
    const packet = buildIpv6({ ...six, protocol: 17, payload: datagram, extensions });
    const tree = dissectFrame(buildEthernet({ payload: packet }));
    expect(valuesOf(tree, 'ipv6.opt.type')).toEqual([0, 0x1e]);
    expect(valuesOf(tree, 'ipv6.opt.length')).toEqual([9]);
    expect(found(tree, '_ws.expert')).toMatchObject([{ text: 'its 11 bytes do not fit' }]);
    expect(layerNames(tree)).toContain('udp');
  });

  it('is said of packets in packets without end', () => {
    const tunnels = Array.from({ length: 100 }, () => 0).reduce<Uint8Array>(
      (payload) => buildIpv4({ ...ends, protocol: 4, payload }),
      datagram,
    );
    const tree = dissectFrame(buildEthernet({ payload: tunnels }));
    expect(tree).toHaveLength(41);
    expect(tree.at(-1)).toMatchObject({ name: '_ws.malformed', text: '[more than 40 layers]' });
  });

  it('is said of more fields than anybody reads', () => {
    const headers = Array.from({ length: 25 }, () => ({ type: 60, body: new Uint8Array(2046) }));
    const six = { source: '2001:db8::1', destination: '2001:db8::2' };
    const packet = buildIpv6({ ...six, protocol: 17, payload: new Uint8Array(), extensions: headers });
    const tree = dissectFrame(buildEthernet({ payload: packet }));
    expect([...nodesOf(tree)].length).toBeLessThan(4_100);
    expect(tree.at(-1)).toMatchObject({ name: '_ws.malformed', text: expect.stringContaining('more fields') });
  });
});
