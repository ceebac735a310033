import type { NumberSet, Program } from '@bpfleet/bpf';
import { analyse, blamingAllOf, type CompileOptions, refuseLong, type Stages } from './compile.js';
import { LEAF_RANGES } from './emit/condition-tree.js';
import { emit } from './emit/emit.js';
import { SetPool } from './emit/set-pool.js';

export interface SetCompilation {
  readonly program: Program;
  /** What the program's `JUMP_IN_SET` look in. */
  readonly sets: readonly NumberSet[];
  readonly stages: Stages;
}

/**
 * Compiles for `jit`, `jitThreeValued` and `interpret`, which look sets up: those too large for a tree stand beside the
 * program, so there may be a hundred thousand addresses in one.
 * @throws BpfleetError as `compile`
 */
export function compileWithSets(expression: string, options: CompileOptions = {}): SetCompilation {
  const { steps, ...compilation } = emitWithSets(expression, options);
  refuseLong(compilation.program, compilation.stages.optimised, steps, expression);
  return compilation;
}

/** As `compileWithSets`, however long the program: eBPF has room for more. */
export function emitWithSets(expression: string, options: CompileOptions) {
  const { optimize = true } = options;
  const { stages, steps, snaplenBytes } = analyse(expression, options);
  const pool = new SetPool();
  const setOf = (within: NumberSet) => pool.setOf(within);
  const emitOptions = { snaplenBytes, reuseRegisters: optimize, leafRanges: LEAF_RANGES.fast, setOf };
  const program = blamingAllOf(expression, () => emit(stages.optimised, steps, emitOptions));
  return { program, sets: pool.sets, stages, steps };
}
