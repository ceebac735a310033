import { type EbpfFilter, translateToEbpf } from '@bpfleet/bpf';
import { analyse, type CompileOptions, type Stages } from './compile.js';
import { LEAF_RANGES } from './emit/condition-tree.js';
import { emit } from './emit/emit.js';
import { SetPool } from './emit/set-pool.js';

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
 * maps, so there may be a hundred thousand addresses in one.
 * @throws BpfleetError as `compile`; `FILTER_UNSUPPORTED` for metadata that a socket filter cannot read
 */
export function compileEbpf(expression: string, options: EbpfCompileOptions = {}): EbpfCompilation {
  const { optimize = true, counters = false } = options;
  const { stages, steps, snaplenBytes } = analyse(expression, options);
  const pool = new SetPool();
  const program = emit(stages.optimised, steps, {
    snaplenBytes,
    reuseRegisters: optimize,
    leafRanges: LEAF_RANGES.fast,
    setOf: (within) => pool.setOf(within),
  });
  return { filter: translateToEbpf(program, { sets: pool.sets, counters }), stages };
}
