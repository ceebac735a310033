import { type Command, Option } from 'commander';
import { classicProgram } from '../language/classic-program.js';
import { programOf } from '../report-error.js';
import { print, type Terminal } from '../terminal.js';
import { readProgramText } from './program-file.js';

interface DisassembleOptions {
  readonly json?: boolean;
  readonly target: 'cbpf' | 'ebpf';
}

/** `bpfleet disassemble FILE`: any of the forms programs are written in, as a listing or another of them. */
export function disassemble(parent: Command, terminal: Terminal): void {
  let dumps = 0;
  const command = parent
    .command('disassemble')
    .argument('<file>', 'a program: tcpdump -d, -dd or -ddd, JSON, bpf_asm, or a listing of eBPF; - is standard input')
    .description('print a BPF program; works without a server')
    .option('-d, --dump', 'as tcpdump: -d a listing, -dd C, -ddd decimal numbers (default: -d)')
    .option('--json', 'instructions as [code, jt, jf, k], of eBPF [code, dst, src, off, imm]')
    .addOption(new Option('--target <machine>', 'which machine it is for').choices(['cbpf', 'ebpf']).default('cbpf'))
    .on('option:dump', () => dumps++);
  command.action(async (path: string, { json = false, target }: DisassembleOptions): Promise<void> => {
    if (dumps > 3) command.error('error: -ddd is the last of its kind');
    if (dumps > 0 && json) command.error('error: choose -d or --json');
    if (dumps > 0 && target === 'ebpf') command.error('error: -d is for the target cbpf');
    const text = await readProgramText(path, terminal);
    const format = dumps === 3 ? 'ddd' : dumps === 2 ? 'dd' : 'd';
    await print(terminal.out, `${target === 'ebpf' ? await ebpf(text, json) : await classic(text, json, format)}\n`);
  });
}

async function classic(text: string, json: boolean, format: 'd' | 'dd' | 'ddd'): Promise<string> {
  const { formatProgram, toTuples } = await import('@bpfleet/bpf');
  const program = await classicProgram(text);
  return json ? JSON.stringify({ program: toTuples(program) }) : formatProgram(program, format);
}

async function ebpf(text: string, json: boolean): Promise<string> {
  const { formatEbpf, readEbpf, toEbpfTuples } = await import('@bpfleet/bpf');
  const program = programOf(text, readEbpf);
  return json ? JSON.stringify({ program: toEbpfTuples(program) }) : formatEbpf(program);
}
