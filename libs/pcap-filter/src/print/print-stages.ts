import { formatProgram } from '@bpfleet/bpf';
import type { Compilation } from '../compile.js';
import type { Token } from '../lex/token.js';
import { ACCEPT, type Graph, type Node, REJECT, type Target } from '../optimise/graph.js';
import { printCondition, printTest, printValue, SIGNS } from './print-ir.js';
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

export function printGraph({ nodes, entry }: Graph): string {
  if (nodes.length === 0) return printTarget(entry);
  return nodes.map((node, index) => `${index}: ${printNode(node)}`).join('\n');
}

function printNode({ step, yes, no }: Node): string {
  const ways = yes === no ? `then ${printTarget(yes)}` : `? ${printTarget(yes)} : ${printTarget(no)}`;
  switch (step.kind) {
    case 'test':
      return yes === no
        ? `load ${printValue(step.value.value)} ${ways}`
        : `${printTest({ ...step, value: step.value.value })} ${ways}`;
    case 'compare':
      return `${printValue(step.left.value)} ${SIGNS[step.comparison]} ${printValue(step.right.value)} ${ways}`;
    case 'assign':
      return `slot ${step.slot} := ${printValue(step.value.value)} ${ways}`;
  }
}

function printTarget(target: Target): string {
  return target === ACCEPT ? 'accept' : target === REJECT ? 'reject' : String(target);
}
