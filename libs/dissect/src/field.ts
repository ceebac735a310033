import type { Value } from './node.js';

/** What a field is called, and how its value is shown. */
export interface Field {
  /** Wireshark's display filter abbreviation. */
  readonly name: string;
  readonly label: string;
  readonly show?: (value: Value) => string;
}

type Shown = (value: number) => string;

export function field(name: string, label: string, show?: Shown): Field {
  return show === undefined ? { name, label } : { name, label, show: (value) => show(Number(value)) };
}

export const textOf = ({ label, show }: Field, value: Value): string =>
  `${label}: ${show ? show(value) : typeof value === 'boolean' ? (value ? 'set' : 'not set') : value}`;

export const hex =
  (digits: number): Shown =>
  (value) =>
    `0x${value.toString(16).padStart(digits, '0')}`;

/** Shows a number by its name and the number: `TCP (6)`. */
export const named =
  (names: Readonly<Record<number, string>>, otherwise: Shown = String): Shown =>
  (value) =>
    names[value] === undefined ? `unknown (${otherwise(value)})` : `${names[value]} (${otherwise(value)})`;

export const unit =
  (word: string): Shown =>
  (value) =>
    `${value} ${word}`;
