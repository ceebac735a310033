import { type EbpfFilter, translateToEbpf } from '@bpfleet/bpf';
import { hasCode } from '@bpfleet/errors';
import { analyse, blamingAllOf, type CompileOptions, type Stages } from './compile.js';
import { type Emittable, emitBesideSets, tooLongForEbpf } from './too-long.js';

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
  const { stages, emittable } = analyse(expression, options);
  const { counters = false } = options;
  return { filter: blamingAllOf(expression, () => translated(emittable, counters)), stages };
}

function translated(emittable: Emittable, counters: boolean): EbpfFilter {
  const { program, sets } = emitBesideSets(emittable);
  try {
    return translateToEbpf(program, { sets, counters });
  } catch (error) {
    throw hasCode(error, 'FILTER_TOO_LARGE') ? tooLongForEbpf(error) : error;
  }
}
