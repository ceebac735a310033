import { formatProgram } from '@bpfleet/bpf';
import type { Compilation } from '../compile.js';
import type { Token } from '../lex/token.js';
import { ALL_BITS, type Condition, fieldKey, type Test } from '../old/lower/ir.js';
import { ACCEPT, type Graph, REJECT, type Target } from '../old/optimise/graph.js';
import { printLogic } from './print-logic.js';
import { printMeaning } from './print-meaning.js';
import { printTerm } from './print-term.js';

/** What every stage made of the expression, and the program: for `--explain` and for tests. */
export function printStages({ program, stages }: Compilation): string {
  const { tokens, tree, resolved, ir, optimised } = stages;
  return [
    section('tokens', tokens.map(printToken).join(' ')),
    section('tree', tree ? printLogic(tree, printTerm) : 'every packet'),
    section('resolved', resolved ? printLogic(resolved, printMeaning) : 'every packet'),
    section('ir', printLogic(ir, printCondition)),
    section('optimised', printGraph(optimised)),
    section('program', formatProgram(program, 'd')),
  ].join('\n');
}

function section(title: string, body: string): string {
  return `${title}:\n${body.replace(/^/gm, '  ')}\n`;
}

function printToken({ kind, text }: Token): string {
  return kind === 'end' ? kind : `${kind}:${text}`;
}

export function printCondition(condition: Condition): string {
  return condition.kind === 'always' ? (condition.value ? 'always' : 'never') : printTest(condition);
}

const SIGNS = { eq: '==', gt: '>', ge: '>=', set: '&' } as const;

function printTest({ field, mask, comparison, operand }: Test): string {
  const masked = mask === ALL_BITS ? fieldKey(field) : `(${fieldKey(field)} & ${hex(mask)})`;
  return `${masked} ${SIGNS[comparison]} ${hex(operand)}`;
}

export function printGraph({ nodes, entry }: Graph): string {
  if (nodes.length === 0) return printTarget(entry);
  return nodes
    .map(({ test, yes, no }, index) => `${index}: ${printTest(test)} ? ${printTarget(yes)} : ${printTarget(no)}`)
    .join('\n');
}

function printTarget(target: Target): string {
  return target === ACCEPT ? 'accept' : target === REJECT ? 'reject' : String(target);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
