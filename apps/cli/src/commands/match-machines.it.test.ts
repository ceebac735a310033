import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { suiteRequires } from '../../../../tests/environment/src/requirements.js';
import type { BatchError } from '../batch/lines.js';
import { runCommand } from '../fakes/fake-terminal.js';

const root = process.getuid?.() === 0 ? {} : { unavailable: 'loading eBPF needs root' };
/** Ethernet, IPv4, UDP, of 60 bytes, from 10.0.0.`last`. */
const packet = (last: number) =>
  `${'00'.repeat(12)}0800450000280000000040110000${`0a0000${last.toString(16).padStart(2, '0')}`}0a0000ff${'00'.repeat(26)}`;

suiteRequires('match --batch on each machine', { root }, () => {
  const answer = async (request: object) => {
    const { out } = await runCommand(['match', '--batch'], { input: JSON.stringify(request) });
    return JSON.parse(out) as unknown;
  };
  const packets = [1, 2, 3].map((last) => ({ data: packet(last) }));

  it.each(['interpreter', 'js', 'ebpf', 'kernel'])('%s says what the others say', async (backend) => {
    // The kernel shows no more than the packet's length; so does a snaplen below it.
    const request = { id: 1, expr: 'udp and src host 10.0.0.2', snaplen: 40, packets, backend };
    expect(await answer(request)).toEqual({ id: 1, verdicts: [0, 40, 0] });
    const program = [
      [0x30, 0, 0, 29],
      [6, 0, 0, 33],
    ];
    expect(await answer({ id: 2, program, packets, backend })).toEqual({ id: 2, verdicts: [33, 33, 33] });
  });

  it.each(['interpreter', 'js', 'ebpf'])('%s takes lists that no classic program holds', async (backend) => {
    // Every second address: neighbours would be one range.
    const list = Array.from({ length: 20_000 }, (_, index) => `172.16.${index >> 7}.${2 * (index & 127)}`);
    const request = {
      id: 1,
      expr: 'ip src host in {@list, 10.0.0.3}',
      snaplen: 60,
      names: { sets: { list } },
      packets,
    };
    expect(await answer({ ...request, backend })).toEqual({ id: 1, verdicts: [0, 0, 60] });
    expect(await answer({ ...request, backend: 'kernel' })).toMatchObject({ error: { code: 'FILTER_TOO_LARGE' } });
  });

  const pairs = (count: number) =>
    Array.from({ length: count }, (_, index) => `(host 172.${index >> 8}.${index & 255}.1 and port ${index})`);
  const asked = { id: 1, expr: [...pairs(300), 'src host 10.0.0.2'].join(' or '), snaplen: 60, packets };

  it.each(['interpreter', 'js', 'ebpf'])('%s runs a filter that is longer than a classic program', async (backend) => {
    expect(await answer({ ...asked, backend })).toEqual({ id: 1, verdicts: [0, 60, 0] });
    expect(await answer({ ...asked, backend: 'kernel' })).toMatchObject({
      error: { code: 'FILTER_TOO_LARGE', message: expect.stringContaining('try: the target ebpf') },
    });
  });

  it('says what a socket has no room for, and what to do', async () => {
    const limit = Number(await readFile('/proc/sys/net/core/optmem_max', 'utf8'));
    // Of each pair some 39 instructions of 8 bytes.
    const tooMany = Math.ceil(limit / 8 / 35);
    const expr = pairs(tooMany).join(' or ');
    if (tooMany > 800) throw new Error(`net.core.optmem_max is ${limit}: more than eBPF's jumps reach`);
    const { error } = (await answer({ id: 1, expr, packets, backend: 'ebpf' })) as { error: BatchError };
    expect(error.code).toBe('ATTACH_REFUSED');
    const [, instructions = '', bytes = ''] =
      /its (\d+) instructions of eBPF take (\d+) bytes/.exec(error.message) ?? [];
    expect(Number(bytes)).toBe(8 * Number(instructions));
    expect(Number(bytes)).toBeGreaterThan(limit);
    expect(error.message).toMatch(`net.core.optmem_max, which is ${limit} here; try: raise`);
    expect(await answer({ id: 1, expr, packets, backend: 'js' })).toEqual({ id: 1, verdicts: [0, 0, 0] });
  });

  it.each(['ebpf', 'kernel'])('%s judges whole packets only', async (backend) => {
    const cut = [{ data: packet(1).slice(0, 60), len: 60 }];
    expect(await answer({ id: 1, expr: 'ip', packets: cut, backend })).toMatchObject({
      error: { code: 'REQUEST_INVALID' },
    });
  });
});
