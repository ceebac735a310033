import { readFileSync } from 'node:fs';
import { BpfleetError } from '@bpfleet/errors';
import type { z } from 'zod';
import { bpfleetVariables } from './known-variables.js';
import { nearest } from './nearest.js';
import { type Variable, variableNames, variablesOf } from './variables.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadOptions {
  readonly prefix?: string;
  /** Variables of other apps that share this environment. Default: those of all bpfleet processes. */
  readonly known?: readonly string[];
}

/**
 * Reads an app's configuration from its environment and nothing else. An empty variable counts as not set, as
 * compose files write `${NAME:-}`.
 * @throws BpfleetError `CONFIG_INVALID` that lists every mistake: wrong values, missing ones, names nobody reads
 */
export function loadConfig<S extends z.ZodObject>(
  schema: S,
  environment: Environment,
  { prefix = 'BPFLEET_', known = bpfleetVariables }: LoadOptions = {},
): z.output<S> {
  const variables = variablesOf(schema, prefix);
  const mistakes = unknownNames(environment, prefix, [...variableNames(schema, prefix), ...known]);
  const { values, unreadable, failed } = read(variables, environment);
  const parsed = schema.safeParse(values);
  mistakes.push(...unreadable);
  for (const issue of parsed.error?.issues ?? []) {
    const variable = variables.find(({ field }) => field === issue.path[0]);
    if (!variable) mistakes.push(issue.message);
    else if (!failed.has(variable.field)) mistakes.push(describe(variable, values[variable.field], issue.message));
  }
  if (!parsed.success || mistakes.length > 0) throw invalid(mistakes);
  return parsed.data as z.output<S>;
}

function invalid(mistakes: readonly string[]): BpfleetError {
  const list = mistakes.map((mistake) => `\n  ${mistake}`).join('');
  return new BpfleetError('CONFIG_INVALID', `the environment does not make a configuration:${list}`, {
    hint: '--help lists every variable with its default',
  });
}

/** A test's own switches (`BPFLEET_TEST_…`) are none of an app's business. */
function unknownNames(environment: Environment, prefix: string, known: readonly string[]): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith(prefix) && !name.startsWith(`${prefix}TEST_`) && !known.includes(name))
    .map((name) => {
      // Without the prefix, which would make any two names look alike.
      const meant = nearest(
        name.slice(prefix.length),
        known.map((other) => other.slice(prefix.length)),
      );
      return `${name}: nothing reads this variable${meant ? `, did you mean ${prefix}${meant}?` : ''}`;
    });
}

interface ReadResult {
  readonly values: Record<string, string | undefined>;
  readonly unreadable: string[];
  /** Fields whose source is already reported: the schema's "missing" would only repeat it. */
  readonly failed: Set<string>;
}

function read(variables: readonly Variable[], environment: Environment): ReadResult {
  const result: ReadResult = { values: {}, unreadable: [], failed: new Set() };
  for (const variable of variables) {
    try {
      result.values[variable.field] = sourceOf(variable, environment);
    } catch (error) {
      result.unreadable.push(error instanceof Error ? error.message : String(error));
      result.failed.add(variable.field);
    }
  }
  return result;
}

function sourceOf({ name, secret }: Variable, environment: Environment): string | undefined {
  const direct = environment[name] || undefined;
  const file = secret ? environment[`${name}_FILE`] || undefined : undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) throw new Error(`${name}: set either ${name} or ${name}_FILE, not both`);
  try {
    // Editors and `echo` end a file with a newline that is no part of the secret.
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${name}_FILE: cannot read the file: ${reason}`, { cause });
  }
}

function describe({ name, secret, description }: Variable, value: string | undefined, message: string): string {
  if (value === undefined) return `${name}: is required${description ? `: ${description}` : ''}`;
  return secret ? `${name}: ${message}` : `${name}: ${message} (it is ${JSON.stringify(value)})`;
}
