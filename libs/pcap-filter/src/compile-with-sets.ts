import type { NumberSet, Program } from '@bpfleet/bpf';
import { analyse, blamingAllOf, type CompileOptions, type Stages } from './compile.js';
import { emitBesideSets } from './too-long.js';

export interface SetCompilation {
  readonly program: Program;
  /** What the program's `JUMP_IN_SET` look in. */
  readonly sets: readonly NumberSet[];
  readonly stages: Stages;
}

/**
 * Compiles for `jit`, `jitThreeValued` and `interpret`, which look sets up and take programs of any length: sets too large
 * for a tree stand beside the program, so there may be a hundred thousand addresses in one.
 * @throws BpfleetError as `compile`; `FILTER_TOO_LARGE` only for what no target has room for
 */
export function compileWithSets(expression: string, options: CompileOptions = {}): SetCompilation {
  const { stages, emittable } = analyse(expression, options);
  return { ...blamingAllOf(expression, () => emitBesideSets(emittable)), stages };
}
