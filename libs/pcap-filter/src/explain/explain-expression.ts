import { BPF, convertedLength, type Program } from '@bpfleet/bpf';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import { type CompileOptions, compile, supportedLinkTypes } from '../compile.js';
import type { Logic } from '../logic.js';
import type { Meaning } from '../resolve/meaning.js';
import type { Trap } from './trap.js';
import { trapsOf } from './traps.js';
import { wordsOf } from './words.js';

/** What an expression means and costs. Plain data. */
export interface Explanation {
  readonly expression: string;
  readonly linkType: string;
  /** What a packet must be, one clause a line, indented under “all of” and “any of”. */
  readonly matches: readonly string[];
  /** Whether no packet of the link type can match; `compile` refuses it then. */
  readonly neverMatches: boolean;
  readonly linkTypes: readonly string[];
  readonly cost: Cost;
  readonly traps: readonly Trap[];
}

export interface Cost {
  readonly instructions: number;
  /** Once the kernel has converted them to eBPF; what `net.core.optmem_max` counts. */
  readonly converted: number;
  /** On the longest way through the program. */
  readonly worstInstructions: number;
  readonly worstLoads: number;
}

/**
 * Says in words what an expression matches, on which link types it compiles, what it costs, and what about it surprises
 * people.
 * @throws BpfleetError as `compile`; an expression that can never match is explained all the same
 */
export function explainExpression(expression: string, options: CompileOptions = {}): Explanation {
  const optimised = compiled(expression, options);
  const { program, stages } = optimised ?? compile(expression, { ...options, optimize: false });
  const { tokens, tree, resolved, ir } = stages;
  return {
    expression,
    linkType: options.linkType ?? 'EN10MB',
    matches: resolved === undefined ? ['every packet'] : linesOf(resolved, 'the packet '),
    neverMatches: optimised === undefined,
    linkTypes: supportedLinkTypes.filter((linkType) => compiles(expression, { ...options, linkType })),
    cost: costOf(program),
    traps: trapsOf(tokens, tree, resolved, ir, options),
  };
}

/** Undefined where no packet can match. */
function compiled(expression: string, options: CompileOptions) {
  try {
    return compile(expression, options);
  } catch (error) {
    if (hasCode(error, 'NEVER_MATCHES')) return undefined;
    throw error;
  }
}

/** Here and now: an expression that can match nothing on a link type is of no use there. */
function compiles(expression: string, options: CompileOptions): boolean {
  try {
    compile(expression, { ...options, optimize: true });
    return true;
  } catch (error) {
    if (error instanceof BpfleetError) return false;
    throw error;
  }
}

function linesOf(logic: Logic<Meaning>, lead: string): string[] {
  switch (logic.kind) {
    case 'leaf':
      return [`${lead}${wordsOf(logic.leaf)}`];
    case 'not':
      return [`${lead}does not match:`, ...indented(linesOf(logic.operand, ''))];
    case 'chain': {
      if (turnsOf(logic) > MOST_TURNS) return linesInTurn(logic, lead);
      // Left to right: what was joined first stands deepest.
      const [last] = logic.rest.slice(-1);
      if (last === undefined) return linesOf(logic.first, lead);
      let from = logic.rest.length - 1;
      while (from > 0 && logic.rest[from - 1]?.operator === last.operator) from--;
      const first: Logic<Meaning> =
        from === 0 ? logic.first : { kind: 'chain', first: logic.first, rest: logic.rest.slice(0, from) };
      const parts = [first, ...logic.rest.slice(from).map(({ operand }) => operand)];
      const title = last.operator === 'and' ? 'all of these hold:' : 'any of these holds:';
      return [`${lead}${title}`, ...parts.flatMap((part) => indented(linesOf(part, '- ')))];
    }
  }
}

/** Where “and” and “or” take turns more often, a level for each would say less than the order does. */
const MOST_TURNS = 20;

type Chain = Extract<Logic<Meaning>, { kind: 'chain' }>;

function turnsOf({ rest }: Chain): number {
  return rest.filter(({ operator }, index) => index > 0 && operator !== rest[index - 1]?.operator).length;
}

function linesInTurn({ first, rest }: Chain, lead: string): string[] {
  const links = rest.flatMap(({ operator, operand }) => linesOf(operand, `${operator} `));
  return [
    `${lead}is asked from left to right, each answer with the next:`,
    ...indented([...linesOf(first, ''), ...links]),
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** The longest way through the program: it only goes forward, so one sweep from the end is enough. */
export function costOf(program: Program): Cost {
  const steps = new Uint32Array(program.length + 1);
  const loads = new Uint32Array(program.length + 1);
  for (let pc = program.length - 1; pc >= 0; pc--) {
    const instruction = program[pc];
    if (instruction === undefined) continue;
    const { code, jt, jf, k } = instruction;
    const isJump = (code & 0x07) === BPF.JMP;
    const isReturn = (code & 0x07) === BPF.RET;
    const next = isReturn
      ? []
      : !isJump
        ? [pc + 1]
        : (code & 0xf0) === BPF.JA
          ? [pc + 1 + k]
          : [pc + 1 + jt, pc + 1 + jf];
    const mode = code & 0xe0;
    const isLoad = (code & 0x07) <= BPF.LDX && (mode === BPF.ABS || mode === BPF.IND || mode === BPF.MSH);
    steps[pc] = 1 + Math.max(0, ...next.map((target) => steps[target] ?? 0));
    loads[pc] = (isLoad ? 1 : 0) + Math.max(0, ...next.map((target) => loads[target] ?? 0));
  }
  return {
    instructions: program.length,
    converted: convertedLength(program),
    worstInstructions: steps[0] ?? 0,
    worstLoads: loads[0] ?? 0,
  };
}

/** For a terminal. */
export function renderExplanation(explanation: Explanation): string {
  const { expression, linkType, matches, neverMatches, linkTypes, cost, traps } = explanation;
  const lines = [
    expression === '' ? '(every packet)' : expression,
    '',
    `matches, on ${linkType}:`,
    ...indented(matches),
    ...(neverMatches ? ['', 'no packet can be all of that: the expression never matches [NEVER_MATCHES]'] : []),
    '',
    `link types: ${linkTypes.join(', ') || 'none'}`,
    `cost: ${cost.instructions} instructions, ${cost.converted} once converted by the kernel; at most ${cost.worstInstructions} run for a packet, ${cost.worstLoads} of them loads`,
  ];
  if (traps.length > 0) lines.push('', 'mind:', ...traps.flatMap((trap) => indented(renderTrap(trap, expression))));
  return lines.join('\n');
}

function renderTrap({ id, message, hint, span }: Trap, expression: string): string[] {
  const where =
    span === undefined || span.end <= span.start
      ? ''
      : ` (at “${expression.slice(span.start, Math.min(span.end, span.start + 40))}”)`;
  return [`${message}${where} [${id}]`, ...(hint === undefined ? [] : [`  try: ${hint}`])];
}
