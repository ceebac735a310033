import type { z } from 'zod';
import { type Variable, variablesOf } from './variables.js';

/** The table that `--help` prints and the reference page holds: each variable, its default, what it means. */
export function configHelp(schema: z.ZodObject, prefix = 'BPFLEET_'): string {
  const rows = variablesOf(schema, prefix).map((variable) => [
    variable.secret ? `${variable.name}[_FILE]` : variable.name,
    defaultText(variable),
    variable.description,
  ]);
  return table([['variable', 'default', 'meaning'], ...rows]);
}

function defaultText({ required, secret, defaultValue }: Variable): string {
  if (required) return '(required)';
  if (defaultValue === undefined) return '';
  if (secret) return '(secret)';
  if (Array.isArray(defaultValue)) return defaultValue.map(itemText).join(',');
  return typeof defaultValue === 'object' ? '' : String(defaultValue);
}

/** An address is read from text and kept as what it means. */
function itemText(item: unknown): string {
  const { host, address, port } = Object(item);
  return port === undefined ? String(item) : `${host ?? address}:${port}`;
}

function table(rows: readonly string[][]): string {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}
