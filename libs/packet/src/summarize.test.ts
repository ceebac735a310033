import { describe, expect, it } from 'vitest';
import {
  buildArp,
  buildEthernet,
  buildIcmp,
  buildIcmpv6,
  buildIpv4,
  buildIpv4Fragments,
  buildIpv6,
  buildTcp,
  buildUdp,
  Dissection,
  dissect,
  echoWord,
  type IcmpFields,
  parseIpv6,
  summarize,
  type TcpFields,
} from './index.js';

const four = { source: '10.0.0.1', destination: '10.0.0.2' };
const six = { source: '2001:db8::1', destination: 'fe80::2' };
const ports = { sourcePort: 51_234, destinationPort: 4443 };
const ip = (protocol: number, payload: Uint8Array) =>
  buildEthernet({ payload: buildIpv4({ ...four, protocol, payload }) });
const ip6 = (protocol: number, payload: Uint8Array) =>
  buildEthernet({ payload: buildIpv6({ ...six, protocol, payload }) });
const tcp = (fields: Omit<TcpFields, 'source' | 'destination' | 'sourcePort' | 'destinationPort'>) =>
  ip(6, buildTcp({ ...four, ...ports, ...fields }));
const icmp = (fields: IcmpFields) => ip(1, buildIcmp(fields));
const icmp6 = (fields: IcmpFields) => ip6(58, buildIcmpv6({ ...six, ...fields }));
const syn = tcp({ flags: 2 });
const udp = buildUdp({ ...four, ...ports, payload: new Uint8Array(1000) });
const refused = buildIpv4({ ...four, protocol: 17, payload: udp.subarray(0, 8) });
const [, laterFragment] = buildIpv4Fragments({ ...four, protocol: 17, payload: udp }, 576);
const arp = { senderMac: '02:00:00:00:00:01', senderAddress: '10.0.0.1', targetAddress: '10.0.0.2' };
const options = { maxSegmentSize: 1460, windowScale: 7, sackPermitted: true, timestamps: [1, 0] as const };
const there = '10.0.0.1.51234 > 10.0.0.2.4443';

describe('summarize', () => {
  it.each([
    [
      tcp({ flags: 2, sequence: 7, options }),
      `IP ${there}: Flags [S], seq 7, win 64240, options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0`,
    ],
    [
      tcp({ flags: 24, sequence: 7, acknowledgement: 9, payload: 'hello' }),
      `IP ${there}: Flags [P.], seq 7:12, ack 9, win 64240, length 5`,
    ],
    [tcp({ flags: 16, sequence: 7, acknowledgement: 9 }), `IP ${there}: Flags [.], ack 9, win 64240, length 0`],
    [tcp({ flags: 4 }), `IP ${there}: Flags [R], seq 0, win 64240, length 0`],
    [tcp({ flags: 0xff, urgent: 3 }), `IP ${there}: Flags [FSRP.UEW], seq 0, ack 0, win 64240, urg 3, length 0`],
    [tcp({ flags: 0 }), `IP ${there}: Flags [none], win 64240, length 0`],
    [
      tcp({ flags: 24, sequence: 0xffff_fffe, payload: 'hello' }),
      `IP ${there}: Flags [P.], seq 4294967294:3, ack 0, win 64240, length 5`,
    ],
    [syn.with(46, 0x40), `IP ${there}: tcp [bad hdr length 16]`],
    [ip(17, udp), `IP ${there}: UDP, length 1000`],
    [buildEthernet({ payload: laterFragment! }), 'IP 10.0.0.1 > 10.0.0.2: frag (552|456) udp'],
    [ip(47, new Uint8Array(4)), 'IP 10.0.0.1 > 10.0.0.2: gre, length 4'],
    [ip(200, new Uint8Array(2)), 'IP 10.0.0.1 > 10.0.0.2: ip-proto-200, length 2'],
    [
      icmp({ type: 8, word: echoWord(3, 4), payload: '12345678' }),
      'IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 3, seq 4, length 16',
    ],
    [
      icmp({ type: 3, code: 3, payload: refused }),
      'IP 10.0.0.1 > 10.0.0.2: ICMP 10.0.0.2 udp port 4443 unreachable, length 36',
    ],
    [icmp({ type: 3, code: 1, payload: refused }), 'IP 10.0.0.1 > 10.0.0.2: ICMP host 10.0.0.2 unreachable, length 36'],
    [
      icmp({ type: 3, code: 4, word: 1280, payload: refused }),
      'IP 10.0.0.1 > 10.0.0.2: ICMP 10.0.0.2 unreachable - need to frag (mtu 1280), length 36',
    ],
    [icmp({ type: 3, code: 3 }), 'IP 10.0.0.1 > 10.0.0.2: ICMP unreachable, length 8'],
    [icmp({ type: 11, payload: refused }), 'IP 10.0.0.1 > 10.0.0.2: ICMP time exceeded in-transit, length 36'],
    [icmp({ type: 40 }), 'IP 10.0.0.1 > 10.0.0.2: ICMP type-#40, length 8'],
    [
      ip6(6, buildTcp({ ...six, ...ports, flags: 2 })),
      'IP6 2001:db8::1.51234 > fe80::2.4443: Flags [S], seq 0, win 64240, length 0',
    ],
    [
      icmp6({ type: 135, payload: parseIpv6('fe80::9') }),
      'IP6 2001:db8::1 > fe80::2: ICMP6, neighbor solicitation, who has fe80::9, length 24',
    ],
    [
      icmp6({ type: 136, payload: parseIpv6('fe80::9') }),
      'IP6 2001:db8::1 > fe80::2: ICMP6, neighbor advertisement, tgt is fe80::9, length 24',
    ],
    [
      icmp6({ type: 128, word: echoWord(1, 2) }),
      'IP6 2001:db8::1 > fe80::2: ICMP6, echo request, id 1, seq 2, length 8',
    ],
    [
      buildEthernet({ etherType: 0x0806, payload: buildArp({ ...arp, operation: 'request' }) }),
      'ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28',
    ],
    [
      buildEthernet({ etherType: 0x0806, payload: buildArp({ ...arp, operation: 'reply' }) }),
      'ARP, Reply 10.0.0.1 is-at 02:00:00:00:00:01, length 28',
    ],
    [
      buildEthernet({ tags: [{ id: 100, tpid: 0x88a8 }, { id: 7 }], payload: syn.subarray(14) }),
      `vlan 100, vlan 7, IP ${there}: Flags [S], seq 0, win 64240, length 0`,
    ],
    [buildEthernet({ etherType: 0x88cc, payload: new Uint8Array(20) }), 'ethertype 0x88cc, length 34'],
    [buildEthernet({ etherType: 40, payload: new Uint8Array(40) }), '802.3, length 54'],
    [syn.subarray(0, 44), `IP ${there}: [|tcp]`],
    [syn.subarray(0, 24), 'IP [|ip]'],
    [syn.subarray(0, 9), '[|ether]'],
  ])('%# says what tcpdump says: %$', (bytes, line) => {
    const into = new Dissection();
    dissect(bytes, 0, bytes.length, 1, into);
    expect(summarize(into, bytes)).toBe(line);
  });
});
