import {
  decideStep,
  type Facts,
  isCoveredBy,
  isInside,
  learnStep,
  meetFacts,
  noFacts,
  withKnownSlots,
} from './facts.js';
import { type Graph, isLoadOnly, type Node, REJECT, type StepTable, type Target } from './graph.js';

export interface SkipOptions {
  /** Steps led past in all; only hostile input needs many. */
  readonly maxSteps?: number;
  /** Whether questions may go later: then no load that stands for itself is left to be done by them. */
  readonly keepsStanding?: boolean;
}

/**
 * Leads every edge past steps whose answer is known on it: behind `ethertype is IPv6` nobody asks whether it is IPv4.
 * Slots whose number is known are put into what reads them.
 * Verdicts stay the same for packets of every length: where a load itself could still fail, the node stays, with both
 * ways leading to the known one.
 * Nodes come in program order, so one sweep sees all edges to a node before the node itself. Nodes left without a
 * predecessor stay; `dropUnreachable` runs next.
 */
export function skipDecided({ nodes, entry }: Graph, table: StepTable, options: SkipOptions = {}): Graph {
  const { maxSteps = Number.POSITIVE_INFINITY, keepsStanding = false } = options;
  const factsAt: (Facts | undefined)[] = new Array(nodes.length);
  let steps = maxSteps;
  const lead = (from: Target, facts: Facts): Target => {
    let target = from;
    for (let node = nodes[target]; node !== undefined && steps > 0; node = nodes[target], steps--) {
      const step = node.step.kind === 'assign' ? node.step : withKnownSlots(facts, node.step, table);
      const next = onlyWay(node, step, facts);
      if (next === undefined || !isNeedless(step, nodes[next], next, facts)) break;
      if (keepsStanding && next !== REJECT && standsForItself(node, step)) break;
      target = next;
    }
    if (target >= 0) factsAt[target] = meetFacts(factsAt[target], facts);
    return target;
  };
  const start = lead(entry, noFacts);
  const led = nodes.map((node, index): Node => {
    const facts = factsAt[index];
    // Only needed until here; the graph can be long.
    factsAt[index] = undefined;
    if (facts === undefined) return node;
    const step = withKnownSlots(facts, node.step, table);
    const leadBehind = (target: Target, answer: boolean | undefined) =>
      target < 0 ? target : lead(target, learnStep(facts, step, answer, table));
    const only = step.kind === 'assign' ? node.yes : onlyWay(node, step, facts);
    if (only === undefined) return { step, yes: leadBehind(node.yes, true), no: leadBehind(node.no, false) };
    const way = leadBehind(only, undefined);
    // Decided, but its load may be outside the packet: that is all that is left of it.
    const isDecided = step.kind !== 'assign' && node.yes !== node.no;
    const loaded = step.kind === 'compare' ? step.left : step.value;
    return { step: isDecided ? table.loadOf(loaded) : step, yes: way, no: way };
  });
  return { nodes: led, entry: start };
}

/** Where a node leads under these facts whatever the packet; undefined when it must be asked, or does something. */
function onlyWay({ yes, no }: Node, step: Node['step'], facts: Facts): Target | undefined {
  if (step.kind === 'assign') {
    const before = facts.slots[step.slot];
    const isSame =
      step.value.value.kind === 'constant' && step.value.value.value === (before === undefined ? 0 : before);
    return isSame || yes === REJECT ? yes : undefined;
  }
  if (yes === no) return yes;
  const answer = decideStep(facts, step);
  return answer === undefined ? undefined : answer ? yes : no;
}

/** Whether a node with one way on can go: its loads cannot fail, or the verdict is "no" then as well. */
function isNeedless(step: Node['step'], next: Node | undefined, target: Target, facts: Facts): boolean {
  if (target === REJECT || isInside(facts, step)) return true;
  return next !== undefined && isCoveredBy(facts, step, next.step);
}

/** Whether its loads count although no question depends on them: they were asked for, and the answer is known without any other. */
function standsForItself({ yes, no }: Node, step: Node['step']): boolean {
  if (step.kind === 'assign' || step.loads.length === 0) return false;
  return isLoadOnly(step) || (yes !== no && decideStep(noFacts, step) !== undefined);
}
