import { type Command, Option } from 'commander';
import { print, type Terminal } from '../terminal.js';

export type OutputFormat = 'table' | 'json' | 'yaml';

/** Adds `-o table|json|yaml`. */
export function withOutput(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'how to print it').choices(['table', 'json', 'yaml']).default('table'),
  );
}

/** Prints an answer in the API's own shape, or as a table for people. */
export async function printAnswer(
  answer: unknown,
  format: OutputFormat,
  asTable: () => string,
  terminal: Terminal,
): Promise<void> {
  if (format === 'table') return print(terminal.out, asTable());
  if (format === 'json') return print(terminal.out, `${JSON.stringify(answer, null, 2)}\n`);
  const { stringify } = await import('yaml');
  return print(terminal.out, stringify(answer));
}
