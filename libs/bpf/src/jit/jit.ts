import { BpfleetError } from '@bpfleet/errors';
import type { Program } from '../instruction.js';
import { contains, type NumberSet } from '../number-set.js';
import { BPF } from '../opcodes.js';
import { interpret } from '../run/interpret.js';
import { loadAncillary, loadBytes } from '../run/load.js';
import type { Packet, PacketMetadata } from '../run/packet.js';
import { checkSetProgram } from '../set-test.js';
import { functionBody } from './structure.js';

/**
 * A program as a JavaScript function. `start` is where the packet begins in `bytes`, of which `capturedLength` bytes were
 * kept of `wireLength`. Answers what `interpret` answers, also `UNDECIDED`.
 */
export type PacketFunction = (
  bytes: Uint8Array,
  start: number,
  capturedLength: number,
  wireLength: number,
  metadata?: PacketMetadata,
) => number;

/**
 * Translates a program to JavaScript, for callers that run it on many packets: nothing is allocated per packet, and V8
 * compiles it to machine code after some hundred. Uses `new Function`: where a content security policy forbids that,
 * `interpret` gives the same answers.
 * @param sets what `JUMP_IN_SET` looks in
 * @throws BpfleetError `PROGRAM_INVALID` for what `checkSetProgram` refuses
 */
export function jit(program: Program, sets: readonly NumberSet[] = []): PacketFunction {
  const source = jitSource(program, sets);
  if (source === undefined) return interpreted(program, sets);
  const make = new Function('load', 'ancillary', 'contains', 'sets', source);
  return make(load, loadAncillary, contains, sets) as PacketFunction;
}

/** The JavaScript that `jit` runs, for `--target js`; undefined for programs it leaves to the interpreter. */
export function jitSource(program: Program, sets: readonly NumberSet[] = []): string | undefined {
  const fault = checkSetProgram(program, sets);
  if (fault) {
    throw new BpfleetError('PROGRAM_INVALID', `instruction ${fault.instruction}: ${fault.message} (${fault.rule})`);
  }
  const body = functionBody(program);
  if (body === undefined) return undefined;
  const words = new Set(program.filter(({ code }) => code === BPF.ST || code === BPF.STX).map(({ k }) => k));
  const locals = ['a = 0', 'x = 0', 'i = 0', 't = 0', ...[...words].map((word) => `m${word} = 0`)];
  return [
    "'use strict';",
    'return function (bytes, start, captured, wire) {',
    'const at = start | 0;',
    `let ${locals.join(', ')};`,
    body,
    '};',
  ].join('\n');
}

/** Loads that the generated code leaves to `loadBytes`: outside, cut off, or at a negative offset. */
export function load(
  bytes: Uint8Array,
  start: number,
  capturedLength: number,
  wireLength: number,
  metadata: PacketMetadata | undefined,
  offset: number,
  size: number,
): number {
  return loadBytes(packetOf(bytes, start, capturedLength, wireLength, metadata), offset, size);
}

function interpreted(program: Program, sets: readonly NumberSet[]): PacketFunction {
  return (bytes, start, capturedLength, wireLength, metadata) =>
    interpret(program, packetOf(bytes, start, capturedLength, wireLength, metadata), sets);
}

function packetOf(
  bytes: Uint8Array,
  start: number,
  capturedLength: number,
  wireLength: number,
  metadata: PacketMetadata | undefined,
): Packet {
  return { bytes, start, capturedLength, wireLength, ...(metadata && { metadata }) };
}
