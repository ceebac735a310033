import { BpfleetError } from '@bpfleet/errors';
import { z } from 'zod';
import type { Labels } from './naming.js';

/** One condition of a selector. All conditions must hold. */
export interface Requirement {
  readonly key: string;
  readonly in: readonly string[];
  readonly negated: boolean;
}

/**
 * Reads a label selector in Kubernetes' syntax: `env=prod`, `env!=prod`, `role in (web,api)`, `role notin (db)`,
 * `key` (is set), `!key` (is not set), joined by commas. Empty selects every agent.
 * @throws BpfleetError `REQUEST_INVALID` with the span of the condition that could not be read
 */
export function parseSelector(text: string): Requirement[] {
  const requirements: Requirement[] = [];
  for (const { condition, start } of conditions(text)) {
    const trimmed = condition.trim();
    if (trimmed === '' && text.trim() === '') continue;
    requirements.push(requirement(trimmed, { start, end: start + condition.length }));
  }
  return requirements;
}

const KEY = '[a-z][a-z0-9._/-]{0,62}';
const VALUE = '[A-Za-z0-9._-]{0,63}';
const equality = new RegExp(`^(${KEY})\\s*(==?|!=)\\s*(${VALUE})$`);
const membership = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(\\s*(${VALUE}(?:\\s*,\\s*${VALUE})*)\\s*\\)$`);
const presence = new RegExp(`^(!?)\\s*(${KEY})$`);

function requirement(text: string, span: { start: number; end: number }): Requirement {
  const equal = equality.exec(text);
  if (equal) return { key: equal[1]!, in: [equal[3]!], negated: equal[2] === '!=' };
  const member = membership.exec(text);
  if (member)
    return { key: member[1]!, in: member[3]!.split(',').map((v) => v.trim()), negated: member[2] === 'notin' };
  const present = presence.exec(text);
  // An empty list of values stands for "is set".
  if (present) return { key: present[2]!, in: [], negated: present[1] === '!' };
  throw new BpfleetError('REQUEST_INVALID', `cannot read the selector condition "${text}"`, {
    span,
    hint: 'write conditions such as env=prod, env!=prod, role in (web,api), joined by commas',
  });
}

function* conditions(text: string): Generator<{ condition: string; start: number }> {
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const char = text[i];
    if (char === '(') depth++;
    else if (char === ')') depth--;
    if (i === text.length || (char === ',' && depth === 0)) {
      yield { condition: text.slice(start, i), start };
      start = i + 1;
    }
  }
}

/** Whether an agent with these labels is selected. A negated condition also holds where the key is not set. */
export function selects(requirements: readonly Requirement[], labels: Labels): boolean {
  return requirements.every(({ key, in: values, negated }) => {
    const value = labels[key];
    const holds = value !== undefined && (values.length === 0 || values.includes(value));
    return holds !== negated;
  });
}

export const Selector = z
  .string()
  .max(1024)
  .superRefine((text, context) => {
    try {
      parseSelector(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    }
  })
  .meta({ examples: ['env=prod,role in (web,api)'] });
