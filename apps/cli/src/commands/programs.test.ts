import { describe, expect, it } from 'vitest';
import { runCommand } from '../fakes/fake-terminal.js';

const DDD = '4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n';
const LISTING =
  '(000) ldh      [12]\n(001) jeq      #0x800           jt 2\tjf 3\n(002) ret      #262144\n(003) ret      #0\n';

describe('disassemble', () => {
  it.each([
    ['-ddd', DDD],
    ['-d', LISTING],
    ['JSON', '[[40,0,0,12],[21,0,1,2048],[6,0,0,262144],[6,0,0,0]]'],
  ])('reads %s', async (_, input) => {
    expect(await runCommand(['disassemble', '-'], { input })).toMatchObject({ code: 0, out: LISTING, err: '' });
    expect((await runCommand(['disassemble', '-ddd', '-'], { input })).out).toBe(DDD);
  });

  it.each([
    ['bpf_asm', 'ldh [12]\njeq #0x800, yes, no\nyes: ret #foo\nno: ret #0\n', 3, 'yes: ret #foo\n         ^^^^ '],
    ['-ddd', '2\n40 0 0 12\n6 0 0 -1\n', 3, '6 0 0 -1\n^^^^^^^^ '],
    ['a wrong count', '\n3\n6 0 0 1\n', 2, '3\n^ '],
    ['-dd', '{ 0x28, 0, 0, 0xc },\n{ 0x6, 300, 0, 0 },\n', 2, '{ 0x6, 300, 0, 0 },\n^^^^^^^^^^^^^^^^^^ '],
    ['an operand that is missing', 'ld [0]\njeq #1,\nret #0\n', 2, 'jeq #1,\n       ^ '],
    ['JSON', '[[40,0,0,12],\n[6,0,0,1]', 2, '[6,0,0,1]\n         ^ '],
  ])('names the line that it cannot read: %s', async (_, input, line, shown) => {
    for (const command of [
      ['disassemble', '-'],
      ['check', '-'],
      ['explain', '--program', '-'],
    ]) {
      const { code, out, err } = await runCommand(command, { input });
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err.startsWith(`error: the program was refused in line ${line} (PROGRAM_INVALID)\n${shown}`)).toBe(true);
    }
  });

  it('names the line of an eBPF listing, of which it shows that line alone', async () => {
    const input = 'r0 = 0\r\n  r0 = banana\r\nexit\r\n';
    expect(await runCommand(['disassemble', '--target', 'ebpf', '-'], { input })).toMatchObject({
      code: 2,
      err:
        'error: the program was refused in line 2 (PROGRAM_INVALID)\n' +
        '  r0 = banana \n  ^^^^^^^^^^^ “r0 = banana” is no eBPF instruction\n',
    });
  });

  it.each(['ip', 'ip src host in {@list}'])('tells the eBPF of “%s” from a classic program', async (expr) => {
    const list = Array.from({ length: 2000 }, (_, index) => `172.16.${index >> 7}.${2 * (index & 127)}`);
    const request = { id: 1, expr, names: { sets: { list } } };
    const { out } = await runCommand(['compile', '--batch', '--target', 'ebpf'], { input: JSON.stringify(request) });
    const json = JSON.stringify({ ...JSON.parse(out), id: undefined, maps: undefined });
    const listing = (await runCommand(['disassemble', '--target', 'ebpf', '-'], { input: json })).out;
    for (const input of [json, listing, `; map[0]: hash, 2000 entries\n${listing}`, 'exit\n']) {
      for (const command of [
        ['check', '-'],
        ['explain', '--program', '-'],
        ['disassemble', '-'],
      ]) {
        const { code, err } = await runCommand(command, { input });
        expect(code).toBe(2);
        expect(err).toMatch(/^error: this is a program of eBPF.* \(PROGRAM_INVALID\)\nhint: .*--target ebpf/);
      }
    }
  });

  it('refuses what is no program', async () => {
    expect(await runCommand(['disassemble', '-'], { input: 'tcp port 80' })).toMatchObject({ code: 2, out: '' });
  });
});

describe('check', () => {
  it('says what the kernel would say', async () => {
    expect((await runCommand(['check', '-'], { input: DDD })).out).toMatch(/^the kernel takes it: 4 instructions, \d+/);
    const broken = await runCommand(['check', '-'], { input: '1\n40 0 0 12\n' });
    expect(broken).toMatchObject({ code: 2, out: '' });
    expect(broken.err).toContain('last-instruction at instruction 0');
    expect(JSON.parse((await runCommand(['check', '--json', '-'], { input: '1\n40 0 0 12\n' })).out)).toMatchObject({
      valid: false,
      fault: { rule: 'last-instruction', instruction: 0 },
    });
  });
});

describe('explain --program', () => {
  it('says what can be said of an invalid program, and ends as for one', async () => {
    const input =
      'ldh [12]\njeq #0x800 jt 2 jf 9\nldb [23]\njeq #6 jt 4 jf 7\nldh [20]\njeq #80 jt 6 jf 7\nret #-1\nret #0\n';
    const { code, out, err } = await runCommand(['explain', '--program', '-'], { input });
    expect(code).toBe(2);
    expect(err).toMatch(/^error: the kernel refuses it: \S+ at instruction 1: .*\(PROGRAM_INVALID\)\n$/);
    expect(out).toContain('jf lands on 9, but the last instruction is 7 [JUMP_LANDS]');
    expect(out).toContain('probably meant: tcp dst port 80');
    const json = await runCommand(['explain', '--json', '--program', '-'], { input });
    expect([json.code, JSON.parse(json.out).refusal]).toEqual([2, expect.stringContaining('instruction 1')]);
  });
});

describe('compile --batch', () => {
  it('answers each line in order', async () => {
    const input = [
      { id: 1, expr: 'ip' },
      { id: 2, expr: 'tcp prt 80' },
      { id: 3, expr: 'ip', snaplen: 96, optimize: false, names: {}, netmask: null, live: false },
      { id: 4, expr: 'ip', linktype: 'NOPE' },
      { id: 5, expr: 'ip', typo: true },
    ];
    const { code, out } = await runCommand(['compile', '--batch'], {
      input: input.map((line) => JSON.stringify(line)).join('\n'),
    });
    expect(code).toBe(0);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toMatchObject([
      {
        id: 1,
        program: [
          [40, 0, 0, 12],
          [21, 0, 1, 2048],
          [6, 0, 0, 262_144],
          [6, 0, 0, 0],
        ],
      },
      { id: 2, error: { code: 'FILTER_SYNTAX', message: expect.any(String), start: 4, end: 7 } },
      {
        id: 3,
        program: [
          [40, 0, 0, 12],
          [21, 0, 1, 2048],
          [6, 0, 0, 96],
          [6, 0, 0, 0],
        ],
      },
      { id: 4, error: { code: 'FILTER_UNSUPPORTED' } },
      { id: 5, error: { code: 'REQUEST_INVALID' } },
    ]);
  });
});
