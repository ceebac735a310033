import { type EbpfFilter, translateToEbpf } from '@bpfleet/bpf';
import { blamingAllOf, type CompileOptions, type Stages } from './compile.js';
import { emitWithSets } from './compile-with-sets.js';

export interface EbpfCompileOptions extends CompileOptions {
  /** Count in a map what the program sees and accepts. */
  readonly counters?: boolean;
}

export interface EbpfCompilation {
  readonly filter: EbpfFilter;
  readonly stages: Stages;
}

/**
 * Compiles an expression to an eBPF socket filter with the meaning of `compile`. Sets that are too large for a tree become
 * maps.
 * @throws BpfleetError as `compile`; `FILTER_UNSUPPORTED` for metadata that a socket filter cannot read
 */
export function compileEbpf(expression: string, options: EbpfCompileOptions = {}): EbpfCompilation {
  const { program, sets, stages } = emitWithSets(expression, options);
  const { counters = false } = options;
  const filter = blamingAllOf(expression, () => translateToEbpf(program, { sets, counters }));
  return { filter, stages };
}
