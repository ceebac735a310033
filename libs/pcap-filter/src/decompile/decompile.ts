import { BPF, checkProgram, type Instruction, isAncillary, type Program, withoutSize } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { compile } from '../compile.js';
import { networkOffset, supportedLinkTypes } from '../lower/link-types.js';
import { unknownLinkType } from '../lower/lower.js';
import { decisionsOf } from './decisions.js';
import { type Formula, longCalculation, type Question, sizeOf } from './formula.js';
import { openEncapsulations } from './idioms/encapsulations.js';
import { proposeRelations, proposeTags, proposeTerms } from './idioms/proposals.js';
import { say } from './idioms/say.js';
import { type Shape, Shapes } from './idioms/shapes.js';
import { type Form, type Term, Terms } from './idioms/terms.js';
import { CannotSay, type Refusal, refuse } from './refusal.js';
import { structure } from './structure.js';
import { Symbols } from './symbols.js';
import { asksTagBeside, checkTagBeside } from './tag-beside.js';
import { type Accessor, joinWritten, type Written, writeFormula } from './write.js';

/** Longer formulas are not searched for terms. */
const MOST_IN_TERMS = 2_000;

export interface DecompileOptions {
  /** Default EN10MB. */
  readonly linkType?: string;
  /** See `CompileOptions`; default: whether the program loads what the kernel keeps beside the bytes. */
  readonly live?: boolean;
}

/** An expression and the form it is meant for; or why there is none. */
export type Decompiled = { readonly expression: string; readonly live: boolean } | { readonly refusal: Refusal };

/**
 * Finds an expression that accepts the packets that the program accepts, the other way round to `compile`.
 * Compiled for the same link type and form it gives the same answer, no or not, on every packet that has all bytes the
 * program looks at. How many bytes the program returns, and loads that decide nothing, are not in it.
 * @returns the refusal names what the language has no words for, and at which instruction
 * @throws BpfleetError `FILTER_UNSUPPORTED` for an unknown link type
 */
export function decompile(program: Program, options: DecompileOptions = {}): Decompiled {
  const { linkType = 'EN10MB', live = program.some(isMetadataLoad) } = options;
  if (!supportedLinkTypes.includes(linkType.toUpperCase())) throw unknownLinkType(linkType);
  const fault = checkProgram(program);
  if (fault !== undefined) {
    const { instruction, rule, message } = fault;
    return { refusal: { id: 'PROGRAM_INVALID', instruction, reason: `the kernel refuses it: ${rule}: ${message}` } };
  }
  const form = { linkType: linkType.toUpperCase(), live };
  try {
    // In the live form `vlan` asks first where the tag is; either answer leaves a program that is read like any other.
    const asksTag = live && asksTagBeside(program);
    const symbols = new Symbols(asksTag ? false : undefined);
    const formula = structure(decisionsOf(program, symbols), symbols);
    const expression = compilable(new Writer(formula, symbols, form, asksTag).write(), form);
    if (asksTag) checkTagBeside(program, expression, form);
    return { expression, live };
  } catch (error) {
    if (error instanceof CannotSay) return { refusal: error.refusal };
    throw error;
  }
}

function isMetadataLoad({ code, k }: Instruction): boolean {
  return withoutSize(code) === (BPF.LD | BPF.ABS) && isAncillary(k);
}

/** Writes a formula in the terms people use, where they say it; else byte by byte. */
class Writer {
  readonly #shapes: Shapes;
  readonly #bytes: Accessor;
  /** What no term said. */
  #unsaid: Question[] = [];

  constructor(
    private readonly formula: Formula,
    private readonly symbols: Symbols,
    private readonly form: Form,
    private readonly asksTag: boolean,
  ) {
    this.#shapes = new Shapes(symbols);
    this.#bytes = { word: form.linkType === 'IEEE802_11_RADIO' ? 'radio' : 'link', offset: 0 };
  }

  write(): string {
    const { symbols, formula, form } = this;
    const whole = this.#shapes.of(formula);
    if (sizeOf(formula) > MOST_IN_TERMS) return this.#say(whole, this.#terms()).text;
    const { outer, rest } = openEncapsulations(whole, symbols, this.#shapes, form);
    const said = this.#inTerms(rest, outer);
    if (outer === undefined) return said.text;
    // Behind `pppoes` bytes count from its own header; there only terms mean what they should.
    if (this.#unsaid.length > 0 && !this.#countsBytesAlike(outer)) return this.#inTerms(whole).text;
    return said.text === '' ? outer.text : joinWritten('all', [{ text: outer.text }, said]).text;
  }

  #inTerms(shape: Shape, outer?: Term): Written {
    const terms = this.#terms(outer);
    proposeTerms(this.formula, terms);
    if (this.asksTag) proposeTags(this.formula, terms);
    const said = this.#say(shape, terms);
    if (this.#unsaid.length === 0) return said;
    // It may be a question about a header's bytes.
    proposeRelations(this.#unsaid, this.formula, terms, networkOffset(this.form.linkType));
    return this.#say(shape, terms);
  }

  #terms(outer?: Term): Terms {
    return new Terms(this.symbols, this.#shapes, this.form, outer);
  }

  /** Whether a byte behind the outer term is the byte that it is without. */
  #countsBytesAlike(outer: Term): boolean {
    const [alone, behind] = [this.#terms(), this.#terms(outer)];
    const probe = `${this.#bytes.word}[0] = 1`;
    for (const terms of [alone, behind]) terms.propose(probe);
    return [...alone.all()].every(({ shape, text }) => behind.for(shape)?.text === text);
  }

  #say(shape: Shape, terms: Terms): Written {
    this.#unsaid = [];
    const plainly = ({ question }: { question: Question }) => this.#plainly(question);
    return say(shape, [], { symbols: this.symbols, shapes: this.#shapes, terms, plainly });
  }

  #plainly(question: Question): Written {
    this.#unsaid.push(question);
    const long = longCalculation(question);
    if (long !== undefined) {
      refuse('CALCULATION_TOO_LONG', this.symbols.instructionOf(long), 'calculates from too many loads');
    }
    try {
      return writeFormula(question, this.#bytes);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const value = question.kind === 'test' ? question.value : question.left;
      return refuse('METADATA', this.symbols.instructionOf(value), `asks for what ${error.message}`);
    }
  }
}

/** Nothing is answered that the compiler would not take. */
function compilable(expression: string, form: Form): string {
  try {
    compile(expression, form);
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    if (error.code === 'FILTER_TOO_LARGE') refuse('TOO_LARGE', undefined, `as an expression: ${error.message}`);
    // Asked for packets from a file, of a program that asks for more.
    if (error.code === 'FILTER_UNSUPPORTED') refuse('METADATA', undefined, error.message);
    if (error.code !== 'NEVER_MATCHES') throw error;
  }
  return expression;
}
