import { decideTest, type Facts, isCoveredBy, isInside, knownValue, learnTest, meetFacts, noFacts } from './facts.js';
import { type Graph, type Node, REJECT, type Target } from './graph.js';
import { leadByValue, valueListsOf } from './value-lists.js';

/**
 * Leads every edge past tests whose answer is known on it: behind `ethertype is IPv6` nobody asks whether it is IPv4.
 * Verdicts stay the same for packets of every length: where the load itself could still fail, the node stays, with both
 * ways leading to the known one.
 * Nodes come in program order, so one sweep sees all edges to a node before the node itself. Nodes left without a
 * predecessor stay; `dropUnreachable` runs next.
 * @param maxSteps tests and lists led past in all; only hostile input needs many
 */
export function skipDecided({ nodes, entry }: Graph, maxSteps = Number.POSITIVE_INFINITY): Graph {
  const factsAt: (Facts | undefined)[] = new Array(nodes.length);
  const lists = valueListsOf(nodes);
  let steps = maxSteps;
  const lead = (from: Target, facts: Facts): Target => {
    let target = from;
    for (let node = nodes[target]; node !== undefined && steps > 0; node = nodes[target], steps--) {
      const list = lists[target];
      const value = list && knownValue(facts, node.test);
      const next = value === undefined || !list ? onlyWay(node, facts) : leadByValue(list, nodes, target, value);
      if (next === undefined || !isLoadNeedless(node, nodes[next], next, facts)) break;
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
    const leadBehind = (target: Target, answer: boolean | undefined) =>
      target < 0 ? target : lead(target, learnTest(facts, node.test, answer));
    const only = onlyWay(node, facts);
    if (only === undefined) return { test: node.test, yes: leadBehind(node.yes, true), no: leadBehind(node.no, false) };
    const way = leadBehind(only, undefined);
    return { test: node.test, yes: way, no: way };
  });
  return { nodes: led, entry: start };
}

/** Where a node leads under these facts whatever the packet; undefined when it must be asked. */
function onlyWay({ test, yes, no }: Node, facts: Facts): Target | undefined {
  if (yes === no) return yes;
  const answer = decideTest(facts, test);
  return answer === undefined ? undefined : answer ? yes : no;
}

/** Whether a node with one way on can go: its load cannot fail, or the verdict is "no" then as well. */
function isLoadNeedless({ test }: Node, next: Node | undefined, target: Target, facts: Facts): boolean {
  if (target === REJECT || isInside(facts, test)) return true;
  return next !== undefined && isCoveredBy(test.field, next.test.field);
}
