import { decideTest, type Facts, isInside, learnTest, meetFacts, noFacts } from './facts.js';
import { type Graph, type Node, REJECT, type Target } from './graph.js';

/** Steps over decided tests for each node, on average: keeps adversarial input linear, and real filters never need it. */
const STEPS_PER_NODE = 100;

/**
 * Leads every edge past tests whose answer is known on it: behind `ethertype is IPv6` nobody asks whether it is IPv4.
 * Also past loads that nobody needs: tests with one way on, when the load cannot fail or "no" follows anyway.
 * Verdicts stay the same for packets of every length, since a known answer means that the field was loaded before.
 * Nodes come in program order, so one sweep sees all edges to a node before the node itself. Nodes left without a
 * predecessor stay; `dropUnreachable` runs next.
 */
export function skipDecided({ nodes, entry }: Graph): Graph {
  const factsAt: (Facts | undefined)[] = new Array(nodes.length);
  let steps = STEPS_PER_NODE * nodes.length;
  const lead = (from: Target, facts: Facts): Target => {
    let target = from;
    for (let node = nodes[target]; node !== undefined && steps > 0; node = nodes[target], steps--) {
      const next = nextAfter(node, facts);
      if (next === undefined) break;
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
    const { test } = node;
    return {
      test,
      yes: lead(node.yes, learnTest(facts, test, true)),
      no: lead(node.no, learnTest(facts, test, false)),
    };
  });
  return { nodes: led, entry: start };
}

/** Where a node leads under these facts without asking; undefined when it must be asked. */
function nextAfter({ test, yes, no }: Node, facts: Facts): Target | undefined {
  const answer = decideTest(facts, test);
  if (answer !== undefined) return answer ? yes : no;
  return yes === no && (yes === REJECT || isInside(facts, test.field)) ? yes : undefined;
}
