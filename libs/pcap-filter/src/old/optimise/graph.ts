import { fieldKey, type Ir, type Test } from '../lower/ir.js';
import { type Question, questionOf } from './knowledge.js';

/** Where an edge leads: a node's index, or one of the two verdicts. */
export type Target = number;
export const ACCEPT: Target = -1;
export const REJECT: Target = -2;

/** The two ways on from a node. */
export interface Ways {
  readonly yes: Target;
  readonly no: Target;
}

/** A test prepared for the passes: equal tests share `id`, equal fields `fieldId`. */
export interface NumberedTest extends Test {
  readonly id: number;
  readonly fieldId: number;
  readonly question: Question;
}

/** One test. Where both ways are the same, only the load matters: it must be inside the packet. */
export interface Node extends Ways {
  readonly test: NumberedTest;
}

/**
 * The decision graph: what `lower` joined, as tests and jumps. Nodes stand in program order, every edge leads to a
 * higher index, as cBPF jumps only forward; so one sweep visits every node after all that lead to it.
 */
export interface Graph<Kind extends Ways = Node> {
  readonly nodes: readonly Kind[];
  readonly entry: Target;
}

/**
 * Makes one node of each test, in the order of the text; nothing is shared or left out yet.
 * Works from the right to the left, because a condition's two ways on must be there before it.
 */
export function buildGraph(ir: Ir): Graph {
  const backwards: Node[] = [];
  const numbered = numberer();
  const build = (part: Ir, yes: Target, no: Target): Target => {
    switch (part.kind) {
      case 'leaf':
        if (part.leaf.kind === 'always') return part.leaf.value ? yes : no;
        return backwards.push({ test: numbered(part.leaf), yes, no }) - 1;
      case 'not':
        return build(part.operand, no, yes);
      case 'chain': {
        let ways = { yes, no };
        for (const { operator, operand } of part.rest.toReversed()) {
          const next = build(operand, ways.yes, ways.no);
          ways = operator === 'and' ? { yes: next, no: ways.no } : { yes: ways.yes, no: next };
        }
        return build(part.first, ways.yes, ways.no);
      }
    }
  };
  const entry = build(ir, ACCEPT, REJECT);
  const last = backwards.length - 1;
  const turned = (target: Target) => (target < 0 ? target : last - target);
  const nodes = backwards.toReversed().map(({ test, yes, no }) => ({ test, yes: turned(yes), no: turned(no) }));
  return { nodes, entry: turned(entry) };
}

/** Whether any packet can be accepted. */
export function canAccept({ nodes, entry }: Graph): boolean {
  const reached = new Set([entry]);
  for (const [index, { yes, no }] of nodes.entries()) {
    if (reached.has(index)) reached.add(yes).add(no);
  }
  return reached.has(ACCEPT);
}

function numberer(): (test: Test) => NumberedTest {
  const fieldIds = new Map<string, number>();
  const tests = new Map<string, NumberedTest>();
  return (test) => {
    const field = fieldKey(test.field);
    const key = `${field}&${test.mask}${test.comparison}${test.operand}`;
    const known = tests.get(key);
    if (known !== undefined) return known;
    const fieldId = fieldIds.get(field) ?? fieldIds.size;
    fieldIds.set(field, fieldId);
    const numbered = { ...test, id: tests.size, fieldId, question: questionOf(test) };
    tests.set(key, numbered);
    return numbered;
  };
}
