import { checkProgram, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { compile } from '../compile.js';
import { decisionsOf } from './decisions.js';
import type { Formula } from './formula.js';
import { CannotSay, type Refusal, refuse } from './refusal.js';
import { structure } from './structure.js';
import { Symbols } from './symbols.js';
import { writeFormula } from './write.js';

export interface DecompileOptions {
  /** Default EN10MB. */
  readonly linkType?: string;
  /** Whether the program runs on packets as the kernel delivers them; see `CompileOptions`. */
  readonly live?: boolean;
}

export type Decompiled = { readonly expression: string } | { readonly refusal: Refusal };

/**
 * Finds an expression that accepts the packets that the program accepts, the other way round to `compile`.
 * Compiled for the same link type it gives the same answer, no or not, on every packet that has all bytes the program looks
 * at. How many bytes the program returns, and loads that decide nothing, are not in it.
 * @returns the refusal names what the language has no words for, and at which instruction
 * @throws BpfleetError `FILTER_UNSUPPORTED` for an unknown link type
 */
export function decompile(program: Program, options: DecompileOptions = {}): Decompiled {
  const fault = checkProgram(program);
  if (fault !== undefined) {
    const { instruction, rule, message } = fault;
    return { refusal: { id: 'PROGRAM_INVALID', instruction, reason: `the kernel refuses it: ${rule}: ${message}` } };
  }
  try {
    const symbols = new Symbols();
    const formula = structure(decisionsOf(program, symbols), symbols);
    return { expression: writtenToFit(formula, options) };
  } catch (error) {
    if (error instanceof CannotSay) return { refusal: error.refusal };
    throw error;
  }
}

/** Nothing is answered that the compiler would not take. */
function writtenToFit(formula: Formula, { linkType = 'EN10MB', live = false }: DecompileOptions): string {
  const { text: expression } = writeFormula(formula, linkType.toUpperCase() === 'IEEE802_11_RADIO' ? 'radio' : 'link');
  try {
    compile(expression, { linkType, live });
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    if (error.code === 'FILTER_TOO_LARGE') refuse('TOO_LARGE', 0, `its expression ${error.message}`);
    if (error.code !== 'NEVER_MATCHES') throw error;
  }
  return expression;
}
