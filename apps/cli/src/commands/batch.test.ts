import { toTuples } from '@bpfleet/bpf';
import { compile } from '@bpfleet/pcap-filter';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../fakes/fake-terminal.js';

/** Ethernet, IPv4, 10.0.0.1:1234 > 10.0.0.2:80, TCP. */
const HTTP = `${'00'.repeat(12)}0800${'4500002e000000004006000'}${'0'}0a0000010a00000204d20050${'00'.repeat(22)}`;
const ARP = `${'ff'.repeat(6)}${'00'.repeat(6)}0806${'00'.repeat(46)}`;

async function batch(command: 'compile' | 'match', requests: readonly unknown[]): Promise<unknown[]> {
  const input = requests.map((request) => JSON.stringify(request)).join('\n');
  const { code, out, err } = await runCommand([command, '--batch'], { input });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const one = async (command: 'compile' | 'match', request: unknown) => (await batch(command, [request]))[0];

describe('compile --batch', () => {
  it.each<[string, Record<string, unknown>, Parameters<typeof compile>]>([
    ['EN10MB, 262144 bytes and optimised where nothing is said', { expr: 'tcp' }, ['tcp']],
    ['every packet for an empty expression', { expr: '' }, ['']],
    ['a link type in any case', { expr: 'tcp', linktype: 'linux_sll' }, ['tcp', { linkType: 'LINUX_SLL' }]],
    ['a snaplen', { expr: 'tcp', snaplen: 96 }, ['tcp', { snaplenBytes: 96 }]],
    ['the plain form', { expr: 'tcp', optimize: false }, ['tcp', { optimize: false }]],
    ['a netmask', { expr: 'ip broadcast', netmask: '255.255.0.0' }, ['ip broadcast', { netmask: '255.255.0.0' }]],
    ['the live form', { expr: 'vlan 5 and outbound', live: true }, ['vlan 5 and outbound', { live: true }]],
    ['hosts of its own', { expr: 'src host VS', names: { hosts: { vs: ['10.0.0.1'] } } }, ['src host 10.0.0.1']],
    ['networks of its own', { expr: 'src net n', names: { networks: { n: '10.0.0.0/8' } } }, ['src net 10.0.0.0/8']],
    [
      'MAC addresses of its own',
      { expr: 'ether host e', names: { ethers: { e: '00:11:22:33:44:55' } } },
      ['ether host 00:11:22:33:44:55'],
    ],
    [
      'lists of its own',
      { expr: 'host in {@threat-list}', names: { sets: { 'threat-list': ['10.0.0.0/8'] } } },
      ['host in {10.0.0.0/8}'],
    ],
    [
      'services and protocols of its own',
      {
        expr: 'port web or ip proto odd',
        names: { services: { web: { port: 8080, protocols: ['tcp'] } }, protocols: { odd: 201 } },
      },
      ['tcp port 8080 or ip proto 201'],
    ],
    [
      'extensions',
      { expr: 'tcp port 80', extensions: { ipv6ExtensionHeaders: 2, vlanTransparent: true } },
      ['tcp port 80', { extensions: { ipv6ExtensionHeaders: 2, vlanTransparent: true } }],
    ],
  ])('knows %s', async (_, request, expected) => {
    const program = toTuples(compile(...expected).program);
    expect(await one('compile', { id: 7, ...request })).toEqual({ id: 7, program });
  });

  it.each([
    ['a name in no table', { expr: 'host vs' }, 'FILTER_SYNTAX', 5, 7],
    ['“ip broadcast” without a netmask', { expr: 'ip broadcast', netmask: null }, 'FILTER_SYNTAX', 0, 12],
    ['a direction in a file', { expr: 'tcp or inbound' }, 'FILTER_UNSUPPORTED', 7, 14],
    ['what can never match', { expr: 'tcp and udp and arp' }, 'NEVER_MATCHES', 0, 19],
    ['what is too deep', { expr: `${'('.repeat(600)}tcp${')'.repeat(600)}` }, 'FILTER_TOO_LARGE', 501, 502],
  ])('says where the fault is: %s', async (_, request, code, start, end) => {
    const answer = await one('compile', { id: 'x', ...request });
    expect(answer).toEqual({ id: 'x', error: { code, message: expect.any(String), start, end } });
  });

  it.each([
    ['no expression', {}],
    ['an expression that is no text', { expr: 7 }],
    ['a field that nobody knows', { expr: 'ip', optimise: true }],
    ['a table that nobody knows', { expr: 'ip', names: { host: {} } }],
    ['a snaplen of 0', { expr: 'ip', snaplen: 0 }],
    ['a netmask that is none', { expr: 'ip', netmask: '255.255.0' }],
  ])('refuses %s', async (_, request) => {
    const error = { code: 'REQUEST_INVALID', message: expect.any(String) };
    expect(await one('compile', { id: null, ...request })).toEqual({ id: null, error });
  });

  it('says what to try behind the message, in the members that every error has', async () => {
    expect(await one('compile', { id: 1, expr: 'tcp prt 80' })).toEqual({
      id: 1,
      error: {
        code: 'FILTER_SYNTAX',
        message: 'expected “and”, “or” or the end, but here stands “prt”; try: “port”, if that is meant',
        start: 4,
        end: 7,
      },
    });
  });

  it('compiles for the machine that the request names, else for that of the command line', async () => {
    const requests = [
      { id: 1, expr: 'ip' },
      { id: 2, expr: 'ip', target: 'cbpf' },
      { id: 3, expr: 'ip', target: 'ebpf' },
      { id: 4, expr: 'ip', target: 'js' },
      { id: 5, expr: 'ip', target: 'prefilter' },
      { id: 6, expr: 'ip', target: 'wasm' },
    ];
    const input = requests.map((request) => JSON.stringify(request)).join('\n');
    const { code, out } = await runCommand(['compile', '--batch', '--target', 'ebpf'], { input });
    expect(code).toBe(0);
    const [ebpf, ...others] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(ebpf).toEqual({ id: 1, program: expect.any(Array), maps: [] });
    expect(ebpf.program[0]).toHaveLength(5);
    const classic = toTuples(compile('ip').program);
    expect(others).toEqual([
      { id: 2, program: classic },
      { ...ebpf, id: 3 },
      { id: 4, source: expect.stringMatching(/^'use strict';/) },
      { id: 5, prefilter: expect.anything() },
      { id: 6, error: { code: 'REQUEST_INVALID', message: expect.stringContaining('target') } },
    ]);
    expect(await one('compile', { id: 1, expr: 'ip' })).toEqual({ id: 1, program: classic });
  });

  it('compiles with optimize false what can never match', async () => {
    expect(await one('compile', { id: 1, expr: 'ip and arp', optimize: false })).toHaveProperty('program');
  });
});

describe('match --batch', () => {
  const packets = [{ data: HTTP }, { data: ARP }, { data: HTTP.toUpperCase() }];

  it.each([
    ['js where nothing is said', {}],
    ['js', { backend: 'js' }],
    ['the interpreter', { backend: 'interpreter' }],
  ])('answers by %s the return value of each packet', async (_, backend) => {
    const requests = [
      { id: 1, expr: 'dst port 80', packets, ...backend },
      { id: 2, expr: 'arp', snaplen: 40, packets, ...backend },
      { id: 3, expr: 'ip broadcast', netmask: '0.0.0.0', packets, ...backend },
      { id: 4, expr: '', linktype: 'RAW', packets, ...backend },
      { id: 5, expr: 'len = 2000', packets: [{ data: ARP, len: 2000 }], ...backend },
      { id: 6, expr: 'src host vs', names: { hosts: { vs: ['10.0.0.1'] } }, packets, ...backend },
      { id: 7, program: [[6, 0, 0, 1]], packets, ...backend },
      { id: 8, expr: 'arp', packets: [{ data: '' }], ...backend },
    ];
    expect(await batch('match', requests)).toEqual([
      { id: 1, verdicts: [262_144, 0, 262_144] },
      { id: 2, verdicts: [0, 40, 0] },
      { id: 3, verdicts: [0, 0, 0] },
      { id: 4, verdicts: [262_144, 262_144, 262_144] },
      { id: 5, verdicts: [262_144] },
      { id: 6, verdicts: [262_144, 0, 262_144] },
      { id: 7, verdicts: [1, 1, 1] },
      { id: 8, verdicts: [0] },
    ]);
  });

  it.each([
    ['a program that the kernel would not take', { program: [[0x0e, 0, 0, 0]] }, 'PROGRAM_INVALID'],
    ['an expression and a program', { expr: 'ip', program: [[6, 0, 0, 0]] }, 'REQUEST_INVALID'],
    ['a backend that nobody knows', { expr: 'ip', backend: 'wasm' }, 'REQUEST_INVALID'],
    ['half a byte', { expr: 'ip', packets: [{ data: '0' }] }, 'REQUEST_INVALID'],
    ['more bytes than were on the wire', { expr: 'ip', packets: [{ data: '0000', len: 1 }] }, 'REQUEST_INVALID'],
    ['a file that is not there', { expr: 'ip', packets: undefined, pcap: '/nowhere.pcap' }, 'REQUEST_INVALID'],
    ['no packets', { expr: 'ip', packets: undefined }, 'REQUEST_INVALID'],
    ['packets and a file', { expr: 'ip', pcap: '/nowhere.pcap' }, 'REQUEST_INVALID'],
    ['what can never match', { expr: 'ip and arp' }, 'NEVER_MATCHES'],
  ])('refuses %s', async (_, request, code) => {
    expect(await one('match', { id: 1, packets, ...request })).toMatchObject({ id: 1, error: { code } });
  });
});

describe('--batch', () => {
  it.each([
    ['an expression', ['compile', '--batch', 'ip'], 'standard input'],
    ['how to read it', ['compile', '--batch', '-y', 'RAW', '--no-optimize'], '--linktype, --no-optimize'],
    ['how to print it', ['compile', '--json', '--batch'], '--json'],
    ['a file', ['match', '--batch', '-r', 'a.pcap'], '--read'],
    ['a backend', ['match', '--batch', '--backend', 'js'], '--backend'],
  ])('does not go with %s on the command line, which it would ignore', async (_, args, named) => {
    const { code, out, err } = await runCommand(args, { input: '{"id":1,"expr":"ip"}' });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(named);
  });
});
