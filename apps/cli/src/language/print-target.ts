import {
  type EbpfFilter,
  formatEbpf,
  formatProgram,
  jitSource,
  type ProgramFormat,
  toEbpfTuples,
  toTuples,
} from '@bpfleet/bpf';
import {
  type CompileOptions,
  compile,
  compileEbpf,
  prefilterOf,
  printPrefilter,
  printStages,
} from '@bpfleet/pcap-filter';
import type { Target } from './targets.js';

export interface PrintOptions {
  readonly target: Target;
  readonly json: boolean;
  /** All stages instead of the program. */
  readonly stages: boolean;
  readonly dump: ProgramFormat;
}

/** An expression's program as text. @throws BpfleetError what the compiler says */
export function printed(expression: string, options: CompileOptions, print: PrintOptions): string {
  if (print.stages) return printStages(compile(expression, options));
  const about = { linkType: options.linkType, snaplenBytes: options.snaplenBytes };
  switch (print.target) {
    case 'cbpf': {
      const { program } = compile(expression, options);
      if (print.json) return JSON.stringify({ ...about, program: toTuples(program) });
      return formatProgram(program, print.dump);
    }
    case 'ebpf': {
      const { filter } = compileEbpf(expression, options);
      return print.json ? JSON.stringify({ ...about, ...ebpfJson(filter) }) : ebpfText(filter);
    }
    case 'js': {
      const source = jitSource(compile(expression, options).program);
      return source ?? '// too long to be compiled as one function: the interpreter runs it';
    }
    case 'prefilter': {
      const prefilter = prefilterOf(expression, options);
      return print.json ? JSON.stringify(prefilter) : printPrefilter(prefilter);
    }
  }
}

/** Maps are named by their place; keys as hexadecimal digits, one after the other. */
function ebpfJson({ program, maps }: EbpfFilter) {
  return {
    program: toEbpfTuples(program),
    maps: maps.map(({ keys, ...shape }) => ({ ...shape, keys: Buffer.from(keys).toString('hex') })),
  };
}

function ebpfText({ program, maps }: EbpfFilter): string {
  const notes = maps.map(
    ({ kind, keyBytes, valueBytes, entries }, index) =>
      `; map[${index}]: ${kind}, ${entries} entries, keys of ${keyBytes} bytes, values of ${valueBytes}`,
  );
  return [...notes, formatEbpf(program)].join('\n');
}
