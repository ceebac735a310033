import { checkProgram, formatProgram, parseProgram } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { installedLibpcap, tcpdump } from './oracle/tcpdump.js';

/** Chosen for the instructions libpcap makes of them: arithmetic, M[], X, metadata, shifts, long jumps. */
const EXPRESSIONS = [
  '',
  'tcp port 80',
  'host 10.0.0.1 or net 2001:db8::/32',
  'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0',
  'tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420',
  'ip[0] & 0xf * 4 + 2 - 1 / 3 % 5 ^ 7 << 2 > -1',
  'len > 100 and len <= 1500 and len = ip[2:2]',
  'udp[tcp[0]] / ip[1] > udp[2] * 3 or ip[len - 1] = 1',
  'vlan 10 and mpls and tcp port 80',
  'vlan and vlan and ip6 host fe80::1',
  'pppoes and udp port 53',
  'geneve and arp',
  'icmp6[icmp6type] = icmp6-echo',
  'ether multicast or ip broadcast or ip multicast',
  'ip6 protochain 6',
  'ether[0] & 1 != 0 and ether host 00:11:22:aa:bb:cc',
  'portrange 8000-8080 and not host 1.2.3.4',
  'stp or ipx or aarp or llc or netbeui',
] as const;

suiteRequires('programs of libpcap', { tcpdump: await installedLibpcap() }, () => {
  describe.each(EXPRESSIONS)('for “%s”', (expression) => {
    it.each(['d', 'dd', 'ddd'] as const)('are printed as tcpdump -%s prints them', async (format) => {
      for (const optimize of [true, false]) {
        const numbers = await tcpdump(expression, { format: 'ddd', optimize });
        const printed = await tcpdump(expression, { format, optimize });
        if ('refusal' in numbers || 'refusal' in printed) throw new Error(JSON.stringify([numbers, printed]));
        const program = parseProgram(numbers.text);
        expect(`${formatProgram(program, format)}\n`).toBe(printed.text);
      }
    });
  });

  it('pass the kernel’s checker, but not those that jump back', async () => {
    for (const expression of EXPRESSIONS) {
      const numbers = await tcpdump(expression, { format: 'ddd' });
      if ('refusal' in numbers) throw new Error(numbers.refusal);
      const fault = checkProgram(parseProgram(numbers.text));
      expect([expression, fault?.rule]).toEqual([
        expression,
        expression.includes('protochain') ? 'jump-target' : undefined,
      ]);
    }
  });
});
