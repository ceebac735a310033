import type { Command } from 'commander';
import { print, type Terminal } from '../terminal.js';
import { readProgramText } from './program-file.js';

/** `bpfleet disassemble FILE`: any of the forms programs are written in, as a listing or another of them. */
export function disassemble(parent: Command, terminal: Terminal): void {
  let dumps = 0;
  const command = parent
    .command('disassemble')
    .argument('<file>', 'a program: tcpdump -d, -dd or -ddd, JSON, or bpf_asm; - is standard input')
    .description('print a classic BPF program; works without a server')
    .option('-d, --dump', 'as tcpdump: -d a listing, -dd C, -ddd decimal numbers (default: -d)')
    .option('--json', 'instructions as [code, jt, jf, k]')
    .on('option:dump', () => dumps++);
  command.action(async (path: string, options: { readonly json?: boolean }): Promise<void> => {
    if (dumps > 3) command.error('error: -ddd is the last of its kind');
    if (dumps > 0 && options.json) command.error('error: choose -d or --json');
    const { formatProgram, readProgram, toTuples } = await import('@bpfleet/bpf');
    const program = readProgram(await readProgramText(path, terminal));
    const format = dumps === 3 ? 'ddd' : dumps === 2 ? 'dd' : 'd';
    await print(
      terminal.out,
      `${options.json ? JSON.stringify({ program: toTuples(program) }) : formatProgram(program, format)}\n`,
    );
  });
}
