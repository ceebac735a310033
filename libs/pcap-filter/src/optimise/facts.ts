import type { StepTable } from './graph.js';
import { decide, type Knowledge, learn, meet } from './knowledge.js';
import { simplify } from './simplify.js';
import type { Step } from './step.js';
import type { NumberedValue } from './values.js';

/** What is known on an edge of the decision graph. Never changed, only replaced. */
export interface Facts {
  /** By the value's number. A load that stands here succeeded, so it is inside the packet. */
  readonly values: readonly (Knowledge | undefined)[];
  /** The packet has at least so many bytes, since loads up to there succeeded. */
  readonly insideBytes: number;
  /** The number in each slot; null: not known. Slots that do not stand here are 0, as at the start. */
  readonly slots: readonly (number | null | undefined)[];
}

export const noFacts: Facts = { values: [], insideBytes: 0, slots: [] };

/** Nothing is kept about further values, which costs a repeated test and never an answer. */
const MAX_VALUES = 96;

/** The test's answer where the facts give it, provided that its loads do not fail. */
export function decideStep(facts: Facts, step: Step): boolean | undefined {
  if (step.kind === 'test') return decide(facts.values[step.value.id] ?? step.value.initially, step);
  if (step.kind === 'compare') return step.left.id === step.right.id ? step.comparison !== 'gt' : undefined;
  return undefined;
}

/** Whether the step cannot end the program by itself: all it loads is known to be there. */
export function isInside(facts: Facts, step: Step): boolean {
  return step.loads.every((load) => isLoadInside(facts, load));
}

function isLoadInside({ values, insideBytes }: Facts, { end, id }: NumberedValue): boolean {
  return end <= insideBytes || values[id] !== undefined;
}

/** Whether the first step's loads fail only where the second's fail too. */
export function isCoveredBy(facts: Facts, first: Step, second: Step): boolean {
  let furthest = 0;
  for (const { end } of second.loads) if (Number.isFinite(end) && end > furthest) furthest = end;
  return first.loads.every(
    (load) => load.end <= furthest || isLoadInside(facts, load) || second.loads.some(({ id }) => id === load.id),
  );
}

/** The facts on the step's edge for `answer`; undefined: it was only loaded. */
export function learnStep(facts: Facts, step: Step, answer: boolean | undefined, table: StepTable): Facts {
  let { insideBytes } = facts;
  let values: (Knowledge | undefined)[] | undefined;
  for (const load of step.loads) {
    if (Number.isFinite(load.end)) insideBytes = Math.max(insideBytes, load.end);
    if (load.id >= MAX_VALUES || (values ?? facts.values)[load.id] !== undefined) continue;
    values ??= facts.values.slice();
    values[load.id] = load.initially;
  }
  if (step.kind === 'test' && answer !== undefined && step.value.id < MAX_VALUES) {
    values ??= facts.values.slice();
    values[step.value.id] = learn(values[step.value.id] ?? step.value.initially, step, answer);
  }
  const learnt = { values: values ?? facts.values, insideBytes, slots: facts.slots };
  return step.kind === 'assign' ? afterAssign(learnt, step, table) : learnt;
}

/** What was known of values made from the slot is of the number before. */
function afterAssign(facts: Facts, { slot, value }: Extract<Step, { kind: 'assign' }>, table: StepTable): Facts {
  const slots = facts.slots.slice();
  while (slots.length < slot) slots.push(undefined);
  slots[slot] = value.value.kind === 'constant' ? value.value.value : null;
  const values = facts.values.map((knowledge, id) => (table.values.readsSlot(id, slot) ? undefined : knowledge));
  return { ...facts, values, slots };
}

/** The step with the numbers of known slots put in. */
export function withKnownSlots(facts: Facts, step: Step, table: StepTable): Step {
  if (step.slots.length === 0 || step.slots.every((slot) => facts.slots[slot] === null)) return step;
  return putSlots(facts, step, table);
}

function putSlots(facts: Facts, step: Step, table: StepTable): Step {
  const known = (slot: number) => {
    const number = facts.slots[slot];
    return number === undefined ? 0 : (number ?? undefined);
  };
  const put = ({ value }: NumberedValue) => table.values.number(simplify(value, known));
  switch (step.kind) {
    case 'test':
      return table.test(put(step.value), step.mask, step.within);
    case 'assign':
      return table.assign(step.slot, put(step.value));
    case 'compare':
      return table.compare(put(step.left), step.comparison, put(step.right));
  }
}

/** What holds on both edges. */
export function meetFacts(a: Facts | undefined, b: Facts): Facts {
  if (a === undefined || a === b) return b;
  const values = a.values === b.values ? a.values : meetValues(a.values, b.values);
  const slots = a.slots === b.slots ? a.slots : meetSlots(a.slots, b.slots);
  return { values, insideBytes: Math.min(a.insideBytes, b.insideBytes), slots };
}

function meetValues(a: Facts['values'], b: Facts['values']): Facts['values'] {
  return a.map((knowledge, id) => {
    const other = b[id];
    return knowledge && other && meet(knowledge, other);
  });
}

function meetSlots(a: Facts['slots'], b: Facts['slots']): Facts['slots'] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, slot) => {
    const [one = 0, other = 0] = [a[slot], b[slot]];
    return one === other ? one : null;
  });
}
