import { spawnSync } from 'node:child_process';
import { writePcapHeader, writePcapPacket } from '@bpfleet/section';
import { describe, expect, it } from 'vitest';
import { arpRequest, EtherType, ethernet, ip, ipFragments, TagType, TcpFlag, tcp, udp } from './traffic-frames.js';

const tcpdump = spawnSync('tcpdump', ['--version']);
const isHere = tcpdump.error === undefined;

/** What tcpdump says of one frame, without its time. */
function dump(frame: Uint8Array): string {
  const packet = { atNs: 0n, start: 0, capturedLength: frame.length, wireLength: frame.length };
  const file = Buffer.concat([writePcapHeader(1), writePcapPacket(frame, packet)]);
  return spawnSync('tcpdump', ['-r', '-', '-t', '-n', '-e', '-vv', '-A'], { input: file, encoding: 'utf8' }).stdout;
}

const ends = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1234, destinationPort: 80 };
const ends6 = { ...ends, source: 'fd77:1::2', destination: 'fd77::1' };
const data = new TextEncoder().encode('hello');
const segment = (text: Uint8Array) => tcp({ ...ends, flags: TcpFlag.psh | TcpFlag.ack, data: text });

describe.runIf(isHere)(isHere ? 'frames that tcpdump reads' : 'frames (skipped: tcpdump is not installed)', () => {
  it('TCP over IPv4, checksums right', () => {
    const said = dump(ethernet({ type: EtherType.ip, payload: ip({ ...ends, protocol: 6, payload: segment(data) }) }));
    expect(said).toMatch(/10\.0\.0\.1\.1234 > 10\.0\.0\.2\.80: Flags \[P\.\], cksum 0x\w+ \(correct\)/);
    expect(said).not.toContain('bad');
  });

  it('TCP with options', () => {
    // MSS 1460, SACK permitted, no operation, no operation (RFC 9293 3.2)
    const options = Uint8Array.of(2, 4, 0x05, 0xb4, 4, 2, 1, 1);
    const payload = ip({ ...ends, protocol: 6, payload: tcp({ ...ends, flags: TcpFlag.syn, options }) });
    expect(dump(ethernet({ type: EtherType.ip, payload }))).toMatch(/\(correct\).*options \[mss 1460,sackOK,nop,nop\]/);
  });

  it('UDP over IPv6, checksum right', () => {
    const payload = ip({ ...ends6, protocol: 17, payload: udp({ ...ends6, data }) });
    expect(dump(ethernet({ type: EtherType.ip6, payload }))).toMatch(/fd77:1::2\.1234 > fd77::1\.80: \[udp sum ok\]/);
  });

  it('UDP in fragments, of which only the first has ports', () => {
    const datagram = udp({ ...ends, data: new Uint8Array(2000) });
    const fragments = ipFragments({ ...ends, protocol: 17, payload: datagram }, 7, 1480);
    const said = fragments.map((payload) => dump(ethernet({ type: EtherType.ip, payload })));
    expect(said[0]).toMatch(/id 7, offset 0, flags \[\+\][\s\S]*10\.0\.0\.1\.1234 > 10\.0\.0\.2\.80: UDP/);
    expect(said[1]).toMatch(/id 7, offset 1480, flags \[none\][\s\S]*10\.0\.0\.1 > 10\.0\.0\.2: ip-proto-17/);
  });

  it('tags, two deep', () => {
    const tags = [
      { type: TagType.service, tci: 10 },
      { type: TagType.customer, tci: 0xa014 },
    ];
    const payload = ip({ ...ends, protocol: 6, payload: segment(data) });
    expect(dump(ethernet({ type: EtherType.ip, tags, payload }))).toMatch(
      /802\.1Q-QinQ.*vlan 10, p 0, ethertype 802\.1Q.*vlan 20, p 5, ethertype IPv4/,
    );
  });

  it('ARP', () => {
    const payload = arpRequest({ sender: '10.0.0.1', target: '10.0.0.2' });
    expect(dump(ethernet({ type: EtherType.arp, payload }))).toMatch(/Request who-has 10\.0\.0\.2 tell 10\.0\.0\.1/);
  });
});
