import { BpfleetError } from '@bpfleet/errors';
import type { Program } from '../instruction.js';
import { assemble } from './assemble.js';
import { fromTuples, instructionOf, parseProgram } from './encode.js';
import { parseJson } from './parse-json.js';

/**
 * Reads a program in whichever form it is: `tcpdump -ddd` (numbers), `-dd` (C initialisers), `-d` or bpf_asm (words), or
 * JSON (an array of [code, jt, jf, k], or an object with such a `program`).
 * @throws BpfleetError `PROGRAM_INVALID`, with the place where there is one
 */
export function readProgram(text: string): Program {
  const bare = text.trim();
  if (bare === '') throw new BpfleetError('PROGRAM_INVALID', 'the text is empty: there is no program');
  // `bpf_asm` without options prints the numbers on one line: `2,40 0 0 12,6 0 0 1,`.
  if (/^\d/.test(bare)) return parseProgram(text.replaceAll(',', '\n'));
  // A C initialiser has numbers behind its brace, an object of JSON a name.
  if (/^\{\s*(?:0x)?\d/.test(bare)) return readInitialisers(text);
  return /^[[{]/.test(bare) ? readRows(parseJson(text)) : assemble(text);
}

function readInitialisers(text: string): Program {
  const number = '(0x[0-9a-f]+|\\d+)';
  const row = new RegExp(`^\\{\\s*${[number, number, number, number].join('\\s*,\\s*')}\\s*\\}$`, 'i');
  return [...text.matchAll(/[^\s,{][^{]*|\{[^}]*\}?/g)].map(({ 0: piece, index }) => {
    const instruction = instructionOf(row.exec(piece.trim())?.slice(1).map(Number) ?? []);
    if (instruction !== undefined) return instruction;
    const span = { start: index, end: index + piece.length };
    throw new BpfleetError('PROGRAM_INVALID', `"${piece.trim()}" is not { code, jt, jf, k }`, { span });
  });
}

function readRows(value: unknown): Program {
  const rows = Array.isArray(value) ? value : (value as { program?: unknown }).program;
  const isRows =
    Array.isArray(rows) && rows.every((row) => Array.isArray(row) && row.every((item) => typeof item === 'number'));
  if (!isRows) throw new BpfleetError('PROGRAM_INVALID', 'the JSON is no array of [code, jt, jf, k]');
  return fromTuples(rows as number[][]);
}
