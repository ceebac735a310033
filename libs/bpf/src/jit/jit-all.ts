import type { Program } from '../instruction.js';
import { UNDECIDED } from '../run/interpret.js';
import { loadAncillary } from '../run/load.js';
import type { PacketMetadata } from '../run/packet.js';
import { jit, load, type PacketFunction } from './jit.js';
import { functionBody } from './structure.js';

/**
 * Several programs at once: writes the numbers of those that accept the packet into `hits`, ascending, and answers how many
 * there are. One that lacks bytes to decide is written as `~number`.
 */
export type PacketClassifier = (
  bytes: Uint8Array,
  start: number,
  capturedLength: number,
  wireLength: number,
  metadata: PacketMetadata | undefined,
  hits: Int32Array,
) => number;

/**
 * Translates programs to one JavaScript function. In one function V8 loads what several programs look at once and proves
 * its bounds once, and there is one call for all of them: fifty filters take a fifth of the time of fifty functions.
 * @throws BpfleetError `PROGRAM_INVALID` for what `checkProgram` refuses
 */
export function jitAll(programs: readonly Program[]): PacketClassifier {
  const alone: PacketFunction[] = [];
  const bodies = programs.map((program, number) => {
    // Also what checks the program.
    const single = jit(program);
    const body = functionBody(program);
    if (body !== undefined) return blockOf(body, number);
    alone.push(single);
    return `v = alone[${alone.length - 1}](bytes, start, captured, wire, arguments[4]);`;
  });
  const source = [
    "'use strict';",
    'return function (bytes, start, captured, wire, metadata, hits) {',
    'const at = start | 0;',
    'let v = 0, n = 0;',
    ...bodies.map((body, number) => `${body}\nif (v !== 0) hits[n++] = v === ${UNDECIDED} ? ~${number} : ${number};`),
    'return n;',
    '};',
  ].join('\n');
  const make = new Function('load', 'ancillary', 'alone', source);
  return make(load, loadAncillary, alone) as PacketClassifier;
}

/** What the program would return is left in `v`, behind a block of its own. */
function blockOf(body: string, number: number): string {
  const words = new Set(body.match(/\bm\d+\b/g) ?? []);
  const locals = ['a = 0', 'x = 0', 'i = 0', 't = 0', ...[...words].map((word) => `${word} = 0`)];
  const leaving = body.replace(/\breturn ([^;]*);/g, `{ v = $1; break P${number}; }`);
  return `P${number}: {\nlet ${locals.join(', ')};\n${leaving}\n}`;
}
