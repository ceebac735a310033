import { type Field, fieldKey, type Test } from '../lower/ir.js';
import { decide, type Knowledge, learn, meet, nothingKnown } from './knowledge.js';

/** What is known on an edge of the decision graph. Never changed, only replaced. */
export interface Facts {
  /** By `fieldKey`. A field that stands here was loaded, so it is inside the packet. */
  readonly fields: ReadonlyMap<string, Knowledge>;
  /** The packet has at least so many bytes, since loads up to there succeeded. */
  readonly insideBytes: number;
}

export const noFacts: Facts = { fields: new Map(), insideBytes: 0 };

/** Beyond so many fields the oldest is forgotten, which costs a repeated test and never an answer. */
const MAX_FIELDS = 64;

/** The test's answer where the facts give it, provided that its load does not fail. */
export function decideTest({ fields }: Facts, test: Test): boolean | undefined {
  return decide(fields.get(fieldKey(test.field)) ?? nothingKnown(test.field), test);
}

/** Whether a load of the field cannot fail. */
export function isInside({ fields, insideBytes }: Facts, field: Field): boolean {
  return field.kind === 'length' || endOf(field) <= insideBytes || fields.has(fieldKey(field));
}

/** The facts on the test's edge for `answer`. */
export function learnTest(facts: Facts, test: Test, answer: boolean): Facts {
  return withKnowledge(facts, test.field, (before) => learn(before, test, answer));
}

/** The facts behind a load whose value nobody asked about. */
export function learnLoad(facts: Facts, field: Field): Facts {
  return withKnowledge(facts, field, (before) => before);
}

function withKnowledge(facts: Facts, field: Field, change: (before: Knowledge) => Knowledge): Facts {
  const key = fieldKey(field);
  const fields = new Map(facts.fields);
  fields.delete(key);
  fields.set(key, change(facts.fields.get(key) ?? nothingKnown(field)));
  if (fields.size > MAX_FIELDS) {
    for (const oldest of fields.keys()) {
      fields.delete(oldest);
      break;
    }
  }
  const end = endOf(field);
  return { fields, insideBytes: Number.isFinite(end) ? Math.max(end, facts.insideBytes) : facts.insideBytes };
}

/** What holds on both edges. */
export function meetFacts(a: Facts | undefined, b: Facts): Facts {
  if (a === undefined) return b;
  const fields = new Map<string, Knowledge>();
  for (const [key, knowledge] of a.fields) {
    const other = b.fields.get(key);
    if (other !== undefined) fields.set(key, meet(knowledge, other));
  }
  return { fields, insideBytes: Math.min(a.insideBytes, b.insideBytes) };
}

/** Whether the first field's load fails only where the second's fails too. */
export function isCoveredBy(first: Field, second: Field): boolean {
  return Number.isFinite(endOf(second)) && endOf(first) <= endOf(second);
}

/** Where a load at a fixed place ends. */
function endOf(field: Field): number {
  return field.kind === 'load' && field.base.kind === 'packet' ? field.offset + field.size : Number.POSITIVE_INFINITY;
}
