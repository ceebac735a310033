import { type Finding, no, ok } from '@bpfleet/contract/doctor';
import { BpfleetError } from '@bpfleet/errors';
import { type Environment, loadConfig, variablesOf } from '@bpfleet/service';
import { AgentConfig } from '../config.js';

/**
 * The agent's configuration, each mistake a finding: what is wrong is left out of what is read, so that all else can be
 * looked at.
 */
export function readConfig(environment: Environment): { config: AgentConfig; findings: readonly Finding[] } {
  try {
    const config = loadConfig(AgentConfig, environment);
    return { config, findings: [ok('configuration', 'the agent takes it')] };
  } catch (error) {
    if (!(error instanceof BpfleetError) || error.code !== 'CONFIG_INVALID') throw error;
    // Behind the first line, which says what follows: one mistake in each.
    const mistakes = error.message.split('\n  ').slice(1).map(mistakeIn);
    const wrong = new Set(mistakes.map(({ variable }) => variable));
    const rest = Object.entries(environment).filter(([name]) => !wrong.has(name) && !wrong.has(withoutFile(name)));
    return { config: loadConfig(AgentConfig, Object.fromEntries(rest)), findings: mistakes.map(findingOf) };
  }
}

interface Mistake {
  readonly variable: string;
  readonly detail: string;
}

function mistakeIn(text: string): Mistake {
  const [, variable, detail] = /^([A-Z0-9_]+): (.*)$/s.exec(text) ?? [];
  return { variable: variable ?? 'configuration', detail: detail ?? text };
}

function findingOf({ variable, detail }: Mistake): Finding {
  const known = variablesOf(AgentConfig).find(({ name }) => name === withoutFile(variable));
  if (known === undefined) return no(variable, detail, 'remove it from the agent’s environment, or name it right');
  const { description, defaultValue } = known;
  const unset = typeof defaultValue === 'string' || typeof defaultValue === 'number' ? `; unset: ${defaultValue}` : '';
  return no(variable, detail, `put it right: ${description}${unset}`);
}

/** A secret may come from a file that a variable names. */
const withoutFile = (name: string): string => name.replace(/_FILE$/, '');
