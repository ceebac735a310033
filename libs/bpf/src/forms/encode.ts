import { BpfleetError } from '@bpfleet/errors';
import type { Instruction, Program } from '../instruction.js';

/** `sizeof(struct sock_filter)`: __u16 code, __u8 jt, __u8 jf, __u32 k. */
const INSTRUCTION_BYTES = 8;

export type Tuple = [code: number, jt: number, jf: number, k: number];

/** The program as an array of `struct sock_filter`, little-endian as on every machine bpfleet runs on. */
export function encodeProgram(program: Program): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    const at = index * INSTRUCTION_BYTES;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k, true);
  }
  return bytes;
}

/** @throws BpfleetError `PROGRAM_INVALID` when the length is not a whole number of instructions */
export function decodeProgram(bytes: Uint8Array): Program {
  if (bytes.length % INSTRUCTION_BYTES !== 0) {
    throw new BpfleetError(
      'PROGRAM_INVALID',
      `a program of ${bytes.length} bytes is cut: each instruction has ${INSTRUCTION_BYTES}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / INSTRUCTION_BYTES }, (_, index): Instruction => {
    const at = index * INSTRUCTION_BYTES;
    return {
      code: view.getUint16(at, true),
      jt: view.getUint8(at + 2),
      jf: view.getUint8(at + 3),
      k: view.getUint32(at + 4, true),
    };
  });
}

export function toTuples(program: Program): Tuple[] {
  return program.map(({ code, jt, jf, k }) => [code, jt, jf, k]);
}

/** @throws BpfleetError `PROGRAM_INVALID` when a row is not four numbers in the ranges of `struct sock_filter` */
export function fromTuples(tuples: readonly (readonly number[])[]): Program {
  return tuples.map((tuple, index): Instruction => {
    const instruction = instructionOf(tuple);
    if (instruction !== undefined) return instruction;
    throw new BpfleetError('PROGRAM_INVALID', `instruction ${index} is not [code, jt, jf, k]: ${tuple.join(' ')}`);
  });
}

/** Undefined when these are not four numbers in their ranges. */
export function instructionOf(tuple: readonly number[]): Instruction | undefined {
  const [code, jt, jf, k] = tuple;
  const isOne = tuple.length === 4 && fits(code, 16) && fits(jt, 8) && fits(jf, 8) && fits(k, 32);
  return isOne ? { code, jt, jf, k } : undefined;
}

/**
 * Reads the decimal form that `tcpdump -ddd` prints: the count, then one instruction a line.
 * @throws BpfleetError `PROGRAM_INVALID` when the text is anything else
 */
export function parseProgram(text: string): Program {
  const [count, ...rows] = [...text.matchAll(/\S.*/g)].map(({ 0: row, index }) => {
    const trimmed = row.trimEnd();
    return { text: trimmed, span: { start: index, end: index + trimmed.length } };
  });
  if (count === undefined) throw new BpfleetError('PROGRAM_INVALID', 'the text is empty: there is no program');
  if (!/^\d+$/.test(count.text) || Number(count.text) !== rows.length) {
    const message = `the first line is "${count.text}", but ${rows.length} instructions follow`;
    throw new BpfleetError('PROGRAM_INVALID', message, { span: count.span });
  }
  return rows.map((row): Instruction => {
    const tuple = /^[\d\s]+$/.test(row.text) ? row.text.split(/\s+/).map(Number) : [];
    const instruction = instructionOf(tuple);
    if (instruction !== undefined) return instruction;
    throw new BpfleetError('PROGRAM_INVALID', `"${row.text}" is not code, jt, jf and k`, { span: row.span });
  });
}

function fits(value: number | undefined, bits: number): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value < 2 ** bits;
}
