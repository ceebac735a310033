import { BpfleetError } from '@bpfleet/errors';
import type { Command } from 'commander';
import { classicProgram } from '../language/classic-program.js';
import { print, type Terminal } from '../terminal.js';
import { readProgramText } from './program-file.js';

/** `bpfleet check FILE`: what the kernel would say to a program, without asking it. */
export function check(parent: Command, terminal: Terminal): void {
  parent
    .command('check')
    .argument('<file>', 'a program: tcpdump -d, -dd or -ddd, JSON, or bpf_asm; - is standard input')
    .description("check a classic BPF program by the kernel's rules; works without a server")
    .option('--json', 'as JSON')
    .action(async (path: string, options: { readonly json?: boolean }): Promise<void> => {
      const { checkProgram, convertedLength, formatInstruction } = await import('@bpfleet/bpf');
      const program = await classicProgram(await readProgramText(path, terminal));
      const fault = checkProgram(program);
      if (options.json) {
        await print(terminal.out, `${JSON.stringify({ valid: fault === undefined, ...(fault && { fault }) })}\n`);
      }
      if (fault) {
        const at = program[fault.instruction];
        const line = at === undefined ? '' : `\n${formatInstruction(at, fault.instruction)}`;
        throw new BpfleetError(
          'PROGRAM_INVALID',
          `${fault.rule} at instruction ${fault.instruction}: ${fault.message}${line}`,
        );
      }
      if (options.json) return;
      await print(
        terminal.out,
        `the kernel takes it: ${program.length} instructions, ${convertedLength(program)} once converted\n`,
      );
    });
}
