import { describe, expect, it } from 'vitest';
import { runCommand } from '../fakes/fake-terminal.js';

const compile = (...args: string[]) => runCommand(['compile', ...args]);

describe('compile', () => {
  it('prints a listing as tcpdump -d does, without a server', async () => {
    const { code, out, err } = await compile('ip');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(
      '(000) ldh      [12]\n' +
        '(001) jeq      #0x800           jt 2\tjf 3\n' +
        '(002) ret      #262144\n' +
        '(003) ret      #0\n',
    );
  });

  it.each([
    ['-d', '(000) ldh '],
    ['-dd', '{ 0x28, 0, 0, 0x0000000c },'],
    ['-ddd', '4\n40 0 0 12\n'],
  ])('knows %s', async (flag, beginning) => {
    expect((await compile(flag, 'ip')).out.startsWith(beginning)).toBe(true);
  });

  it('prints JSON with the snaplen and the expression in several words', async () => {
    const { out } = await compile('--json', '-s', '96', '-y', 'EN10MB', 'ip');
    expect(JSON.parse(out)).toEqual({
      linkType: 'EN10MB',
      snaplenBytes: 96,
      program: [
        [40, 0, 0, 12],
        [21, 0, 1, 0x800],
        [6, 0, 0, 96],
        [6, 0, 0, 0],
      ],
    });
  });

  it('compiles for eBPF, as a listing and as JSON that disassemble reads back', async () => {
    const listing = (await compile('--target', 'ebpf', 'ip')).out;
    expect(listing).toMatch(/^ {3}0: r6 = r1\n[\s\S]* call bpf_skb_load_bytes#26\n/);
    const json = (await compile('--target', 'ebpf', '--json', 'ip')).out;
    expect(JSON.parse(json)).toMatchObject({ linkType: 'EN10MB', maps: [] });
    expect((await runCommand(['disassemble', '--target', 'ebpf', '-'], { input: json })).out).toBe(listing);
  });

  it('names the maps that large sets become', async () => {
    const list = Array.from({ length: 2000 }, (_, index) => `10.0.${index >> 7}.${2 * (index & 127)}`).join(',');
    const { out } = await compile('--target', 'ebpf', `ip src host in {${list}}`);
    expect(out).toMatch(/^; map\[0\]: hash, 2000 entries, keys of 4 bytes, values of 1\n/);
    expect(out).toContain('r1 = map[0] ll');
  });

  it('prints what a store can leave out', async () => {
    expect((await compile('--target', 'prefilter', 'tcp dst port 80')).out).toBe('(protocol 6 and port 80)\n');
  });

  it('matches every packet without an expression', async () => {
    expect((await compile()).out).toBe('(000) ret      #262144\n');
  });

  it('keeps the plain form with --no-optimize', async () => {
    const lengths = await Promise.all([
      compile('-ddd', 'tcp port 80 or tcp port 81'),
      compile('-ddd', '--no-optimize', 'tcp port 80 or tcp port 81'),
    ]);
    expect(Number.parseInt(lengths[0].out, 10)).toBeLessThan(Number.parseInt(lengths[1].out, 10));
  });

  it('prints a caret under the fault', async () => {
    const { code, out, err } = await compile('tcp prt 80');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^error: the expression was refused \(FILTER_SYNTAX\)\ntcp prt 80\n {4}\^\^\^ .+\n/);
  });

  it.each([
    ['a fourth d', ['-dddd', 'ip']],
    ['-d and --json', ['-d', '--json', 'ip']],
    ['-d for eBPF', ['-d', '--target', 'ebpf', 'ip']],
    ['JavaScript as JSON', ['--json', '--target', 'js', 'ip']],
    ['stages as JSON', ['--json', '--stages', 'ip']],
    ['stages of another target', ['--stages', '--target', 'prefilter', 'ip']],
    ['a snaplen that is none', ['-s', 'x', 'ip']],
    ['an unknown link type', ['-y', 'NOPE', 'ip']],
  ])('refuses %s', async (_, args) => {
    const { code, out, err } = await compile(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^error: /);
  });
});
