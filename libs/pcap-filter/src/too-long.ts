import { MAX_INSTRUCTIONS, type NumberSet, type Program, translateToEbpf } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { LEAF_RANGES } from './emit/condition-tree.js';
import { emit } from './emit/emit.js';
import { SetPool } from './emit/set-pool.js';
import { tooLargeFault } from './fault.js';
import type { Graph, StepTable } from './optimise/graph.js';

/** A program before it is known to fit: what each target makes of it. */
export interface Emittable {
  readonly graph: Graph;
  readonly steps: StepTable;
  readonly snaplenBytes: number;
  readonly reuseRegisters: boolean;
}

const SPLIT = 'split the filter, or write lists of values in place of single terms: host in {…} and port in {…}';
const EBPF_INSTRUCTION_BYTES = 8;

/**
 * With long sets beside the program, for targets that look them up.
 * @throws BpfleetError `FILTER_TOO_LARGE` for more words of memory than there are
 */
export function emitBesideSets({ graph, steps, ...options }: Emittable) {
  const pool = new SetPool();
  const setOf = (within: NumberSet) => pool.setOf(within);
  const program = emit(graph, steps, { ...options, leafRanges: LEAF_RANGES.fast, setOf });
  return { program, sets: pool.sets };
}

/** @throws BpfleetError `FILTER_TOO_LARGE` for more instructions than a classic program has, saying which target has room */
export function refuseLong(program: Program, emittable: Emittable): void {
  const over = program.length - MAX_INSTRUCTIONS;
  if (over <= 0) return;
  const message = `the filter needs ${program.length} instructions; the kernel takes at most ${MAX_INSTRUCTIONS}, ${over} fewer`;
  throw tooLargeFault(message, ebpfHint(program, emittable) ?? outsideKernelHint);
}

/** Undefined where eBPF has no room either. @param plain without maps */
function ebpfHint(plain: Program, emittable: Emittable): string | undefined {
  try {
    const { program: classic, sets } = hasSets(emittable.graph)
      ? emitBesideSets(emittable)
      : { program: plain, sets: [] };
    const { program, maps } = translateToEbpf(classic, { sets });
    const lists = maps.length > 0 ? ', with lists in maps' : '';
    // `sk_filter_charge` counts the program against the socket's option memory.
    const kibibytes = Math.ceil((program.length * EBPF_INSTRUCTION_BYTES) / 1024);
    const room = `${program.length} instructions${lists}, of which a socket takes ${kibibytes} KiB of net.core.optmem_max`;
    const less = maps.length > 0 ? 'use networks instead of single hosts' : SPLIT;
    return `the target ebpf, which has room for it: ${room}; or ${less}`;
  } catch (error) {
    if (error instanceof BpfleetError) return undefined;
    throw error;
  }
}

/** Whether any test has so many ranges that it is laid out as a tree, which there are several ways to. */
export function hasSets({ nodes }: Graph): boolean {
  // What is asked may be the opposite, with one range more.
  return nodes.some(({ step }) => step.kind === 'test' && step.within.length / 2 + 1 > LEAF_RANGES.fast);
}

const outsideKernelHint = `the target js, which has room for it outside the kernel; for the kernel ${SPLIT}`;

/** What eBPF has no room for, cBPF has neither: its programs are longer, but not that much. */
export function tooLongForEbpf({ message }: BpfleetError): BpfleetError {
  return tooLargeFault(message, outsideKernelHint);
}
