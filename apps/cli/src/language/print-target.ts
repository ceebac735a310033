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
  compileOfAnyLength,
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
  if (print.json) return asJson(expression, options, print.target);
  switch (print.target) {
    case 'cbpf':
      return formatProgram(compile(expression, options).program, print.dump);
    case 'ebpf':
      return ebpfText(compileEbpf(expression, options).filter);
    case 'js':
      return javaScript(expression, options);
    case 'prefilter':
      return printPrefilter(prefilterOf(expression, options));
  }
}

function asJson(expression: string, options: CompileOptions, target: Target): string {
  const json = compiledAsJson(expression, options, target);
  if ('prefilter' in json) return JSON.stringify(json.prefilter);
  return JSON.stringify({ linkType: options.linkType, snaplenBytes: options.snaplenBytes, ...json });
}

/** What a batch answers: `program`, for eBPF with `maps`, or `source`, or `prefilter`. @throws BpfleetError what the compiler says */
export function compiledAsJson(expression: string, options: CompileOptions, target: Target): Record<string, unknown> {
  switch (target) {
    case 'cbpf':
      return { program: toTuples(compile(expression, options).program) };
    case 'ebpf':
      return ebpfJson(compileEbpf(expression, options).filter);
    case 'js':
      return { source: javaScript(expression, options) };
    case 'prefilter':
      return { prefilter: prefilterOf(expression, options) };
  }
}

function javaScript(expression: string, options: CompileOptions): string {
  const source = jitSource(compileOfAnyLength(expression, options).program);
  return source ?? '// too long to be compiled as one function: the interpreter runs it';
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
