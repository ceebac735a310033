import { BpfleetError } from '@bpfleet/errors';
import { parseJson } from '../../forms/parse-json.js';
import type { EbpfProgram } from '../instruction.js';
import { assembleEbpf } from './assemble.js';

export type EbpfTuple = [code: number, dst: number, src: number, off: number, imm: number];

export function toEbpfTuples(program: EbpfProgram): EbpfTuple[] {
  return program.map(({ code, dst, src, off, imm }) => [code, dst, src, off, imm]);
}

/**
 * Reads a listing as the verifier prints it, or JSON: an array of [code, dst, src, off, imm], or an object with such a
 * `program`.
 * @throws BpfleetError `PROGRAM_INVALID`
 */
export function readEbpf(text: string): EbpfProgram {
  if (!/^\s*[[{]/.test(text)) return assembleEbpf(text);
  const rows = rowsOf(text);
  if (!Array.isArray(rows) || rows.length === 0 || !rows.every(isRow)) {
    throw new BpfleetError('PROGRAM_INVALID', 'the JSON is no array of [code, dst, src, off, imm]');
  }
  // By way of the words, which know what fits where.
  return rows.flatMap((row, index) => oneOf(row, index));
}

function oneOf(row: EbpfTuple, index: number): EbpfProgram {
  try {
    return assembleEbpf(`insn ${row.join(' ')}`);
  } catch (cause) {
    const message = `instruction ${index} is not [code, dst, src, off, imm]: ${row.join(' ')}`;
    throw new BpfleetError('PROGRAM_INVALID', message, { cause });
  }
}

function rowsOf(text: string): unknown {
  const value = parseJson(text);
  return typeof value === 'object' && value !== null && 'program' in value ? value.program : value;
}

function isRow(row: unknown): row is EbpfTuple {
  return Array.isArray(row) && row.length === 5 && row.every((item) => Number.isInteger(item));
}
