import { checkProgram, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { compile } from '../compile.js';
import { networkOffset } from '../lower/link-types.js';
import { decisionsOf } from './decisions.js';
import { type Formula, longCalculation, type Question, sizeOf } from './formula.js';
import { proposeRelations, proposeTerms } from './idioms/proposals.js';
import { say } from './idioms/say.js';
import { Shapes } from './idioms/shapes.js';
import { Terms } from './idioms/terms.js';
import { CannotSay, type Refusal, refuse } from './refusal.js';
import { structure } from './structure.js';
import { Symbols } from './symbols.js';
import { type Accessor, writeFormula } from './write.js';

/** Longer formulas are not searched for terms. */
const MOST_IN_TERMS = 2_000;

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
    return { expression: compilable(written(formula, symbols, options), options) };
  } catch (error) {
    if (error instanceof CannotSay) return { refusal: error.refusal };
    throw error;
  }
}

/** In the terms people write where it is short, and where they say it; else byte by byte. */
function written(formula: Formula, symbols: Symbols, { linkType = 'EN10MB', live = false }: DecompileOptions): string {
  const bytes: Accessor = { word: linkType.toUpperCase() === 'IEEE802_11_RADIO' ? 'radio' : 'link', offset: 0 };
  const shapes = new Shapes(symbols);
  const shape = shapes.of(formula);
  const terms = new Terms(symbols, shapes, { linkType, live });
  let unsaid: Question[] = [];
  const plainly = ({ question }: { question: Question }) => {
    const long = longCalculation(question);
    if (long !== undefined)
      refuse('CALCULATION_TOO_LONG', symbols.instructionOf(long), 'calculates from too many loads');
    unsaid.push(question);
    return writeFormula(question, bytes);
  };
  const language = { symbols, shapes, terms, plainly };
  if (sizeOf(formula) > MOST_IN_TERMS) return say(shape, [], language).text;
  proposeTerms(formula, terms);
  const { text } = say(shape, [], language);
  if (unsaid.length === 0) return text;
  // What no term says may be a question about a header's bytes.
  proposeRelations(unsaid, terms, networkOffset(linkType.toUpperCase()));
  unsaid = [];
  return say(shape, [], language).text;
}

/** Nothing is answered that the compiler would not take. */
function compilable(expression: string, { linkType = 'EN10MB', live = false }: DecompileOptions): string {
  try {
    compile(expression, { linkType, live });
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    if (error.code === 'FILTER_TOO_LARGE') refuse('TOO_LARGE', 0, `its expression ${error.message}`);
    if (error.code !== 'NEVER_MATCHES') throw error;
  }
  return expression;
}
