import { ALL_BITS, type Field } from '../lower/ir.js';
import type { NumberedTest } from './graph.js';
import { decide, type Knowledge, learn, meet, nothingKnown } from './knowledge.js';

/** What is known on an edge of the decision graph. Never changed, only replaced. */
export interface Facts {
  /** By `fieldId`. A field that stands here was loaded, so it is inside the packet. */
  readonly fields: readonly (Knowledge | undefined)[];
  /** The packet has at least so many bytes, since loads up to there succeeded. */
  readonly insideBytes: number;
}

export const noFacts: Facts = { fields: [], insideBytes: 0 };

/** Nothing is kept about further fields, which costs a repeated test and never an answer. */
const MAX_FIELDS = 64;

/** The test's answer where the facts give it, provided that its load does not fail. */
export function decideTest({ fields }: Facts, test: NumberedTest): boolean | undefined {
  return decide(fields[test.fieldId] ?? nothingKnown(test.field), test.question);
}

/** The value of the test's field, where all of it is known. */
export function knownValue({ fields }: Facts, { fieldId }: NumberedTest): number | undefined {
  const known = fields[fieldId]?.known;
  return known?.mask === ALL_BITS ? known.value : undefined;
}

/** Whether the test's load cannot fail. */
export function isInside({ fields, insideBytes }: Facts, { field, fieldId }: NumberedTest): boolean {
  return field.kind === 'length' || endOf(field) <= insideBytes || fields[fieldId] !== undefined;
}

/** Whether the first field's load fails only where the second's fails too. */
export function isCoveredBy(first: Field, second: Field): boolean {
  return Number.isFinite(endOf(second)) && endOf(first) <= endOf(second);
}

/** The facts on the test's edge for `answer`; undefined: its field was only loaded. */
export function learnTest(facts: Facts, test: NumberedTest, answer: boolean | undefined): Facts {
  const end = endOf(test.field);
  const insideBytes = Number.isFinite(end) ? Math.max(end, facts.insideBytes) : facts.insideBytes;
  if (test.fieldId >= MAX_FIELDS) return { fields: facts.fields, insideBytes };
  const before = facts.fields[test.fieldId] ?? nothingKnown(test.field);
  const fields = facts.fields.slice();
  fields[test.fieldId] = answer === undefined ? before : learn(before, test.question, answer);
  return { fields, insideBytes };
}

/** What holds on both edges. */
export function meetFacts(a: Facts | undefined, b: Facts): Facts {
  if (a === undefined) return b;
  const fields = a.fields.map((knowledge, fieldId) => {
    const other = b.fields[fieldId];
    return knowledge && other && meet(knowledge, other);
  });
  return { fields, insideBytes: Math.min(a.insideBytes, b.insideBytes) };
}

/** Where a load at a fixed place ends. */
function endOf(field: Field): number {
  return field.kind === 'load' && field.base.kind === 'packet' ? field.offset + field.size : Number.POSITIVE_INFINITY;
}
