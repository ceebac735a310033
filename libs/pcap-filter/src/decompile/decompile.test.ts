import { assemble, type Program } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { compile } from '../compile.js';
import { decompile } from './decompile.js';

const said = (program: Program, linkType?: string): string => {
  const answer = decompile(program, linkType === undefined ? {} : { linkType });
  return 'refusal' in answer ? `${answer.refusal.id} at ${answer.refusal.instruction}` : answer.expression;
};

describe('decompile', () => {
  it.each([
    ['ret #-1', ''],
    ['ret #0', 'len < 0'],
    ['ldb [0]\nret a', 'link[0] != 0'],
    ['ldx #14\nldb [x + 9]\nret a', 'link[23] != 0'],
    ['ldh [12]\njge #0x600, y, n\ny: ret #-1\nn: ret #0', 'link[12:2] >= 0x600'],
    ['ld #pktlen\nldx M[0]\nret #1', 'PROGRAM_INVALID at 1'],
    ['ldb [0]\nld proto\nret a', 'METADATA at 1'],
    ['ld [0xfff00000]\nret a', 'HEADER_OFFSET at 0'],
  ])('says %j as %j', (text, expected) => {
    expect(said(assemble(text))).toBe(expected);
  });

  it.each([
    'tcp dst port 80',
    'port 53',
    'portrange 10-20 or arp',
    'not arp and not ip6 and not port 22',
    'ether host 00:11:22:33:44:55',
    'tcp[13] & 2 != 0',
    'tcp[(tcp[12] & 240) >> 2:4] = 0x47455420',
    'net 2001:db8::/32 and tcp dst port 443',
    'vlan 5 and udp',
    'vlan 100 and vlan 200 and tcp port 80',
    'mpls 1024 and mpls and host 10.0.0.7',
    'vlan and protochain 17',
    'ip6 protochain 43 or arp',
    'host in {10.0.0.1, 10.0.0.3, 10.0.0.5, 10.0.0.7, 10.1.0.0/16}',
  ])('finds “%s” in the plain and in the optimised program', (expression) => {
    const programs = [false, true].map((optimize) => compile(expression, { optimize }).program);
    expect(programs.map((program) => said(program))).toEqual([expression, expression]);
  });

  it.each([
    ['host 10.0.0.7 and tcp port 80', 'ip host 10.0.0.7 and tcp port 80'],
    ['icmp[icmptype] = icmp-echo and less 100', 'icmp[0] = 8 and len <= 100'],
    ['ip protochain 6 or arp', 'ip protochain 6 or arp'],
    ['ip[2:2] / (ether[0] + 1) > 3', 'ip and link[0] + 1 != 0 and link[16:2] / (link[0] + 1) >= 4'],
  ])('says the optimised program of “%s” as “%s”', (expression, expected) => {
    expect(said(compile(expression).program)).toBe(expected);
  });

  it('counts bytes from the packet’s start where a term in front would move them', () => {
    expect(said(compile('pppoes 1 and isis').program)).toBe(
      'ether proto 0x8864 and link[14:4] & 0xffff = 1 and link[20:2] = 35 and link[22] = 131',
    );
  });

  it('refuses what a file does not say, and link types it does not know', () => {
    const { program } = compile('inbound', { live: true });
    expect(decompile(program, { live: false })).toEqual({
      refusal: expect.objectContaining({ id: 'METADATA', reason: expect.stringContaining('inbound') }),
    });
    expect(() => decompile(program, { linkType: 'FDDI' })).toThrowError(
      expect.objectContaining({ code: 'FILTER_UNSUPPORTED' }),
    );
  });

  it('asks for the direction and the interface in the live form', () => {
    const { program } = compile('inbound and not ifindex 3', { live: true });
    expect(decompile(program)).toEqual({ expression: 'inbound and not ifindex 3', live: true });
  });

  it.each([
    'vlan',
    'vlan 5',
    'vlan 5 and tcp dst port 80',
    'vlan and ip6',
    'vlan 100 and vlan 200 and tcp port 80',
    'arp or vlan 5',
    'not vlan 5',
    'inbound and vlan 5',
  ])('finds “%s” in the plain and in the optimised live program', (expression) => {
    const programs = [false, true].map((optimize) => compile(expression, { optimize, live: true }).program);
    expect(programs.map((program) => decompile(program))).toEqual(Array(2).fill({ expression, live: true }));
  });

  it.each([
    ['the tag’s number alone', 'ld vlan_tci\njeq #5, y, n\ny: ret #-1\nn: ret #0'],
    ['whether there is a tag', 'ld vlan_pr\nret a'],
    ['that there is none', 'ld vlan_pr\njeq #0, y, n\ny: ret #-1\nn: ret #0'],
    [
      'another tag beside the packet than in its bytes',
      'ld vlan_pr\njeq #0, b, t\nt: ld vlan_tci\nand #0xfff\njeq #6, y, n\nb: ldh [12]\njeq #0x8100, i, n\ni: ldh [14]\nand #0xfff\njeq #5, y, n\ny: ret #-1\nn: ret #0',
    ],
  ])('refuses what “vlan” does not ask: %s', (_, text) => {
    expect(decompile(assemble(text))).toMatchObject({ refusal: { id: 'METADATA' } });
  });

  it.each(['LINUX_SLL', 'LINUX_SLL2', 'RAW', 'NULL', 'LOOP', 'PPP'])('knows where things stand on %s', (linkType) => {
    expect(said(compile('udp src port 53', { linkType }).program, linkType)).toBe('udp src port 53');
  });
});
