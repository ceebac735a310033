import type { Program } from '../instruction.js';
import { BPF } from '../opcodes.js';
import { UNDECIDED } from '../run/interpret.js';
import { loadAncillary } from '../run/load.js';
import type { PacketMetadata } from '../run/packet.js';
import { type Block, flowGraph } from './flow-graph.js';
import { wordCode, wordKey } from './instruction-code.js';
import { jit, load, type PacketFunction } from './jit.js';
import { kindCode, packetKinds } from './packet-kinds.js';
import { loadEnd } from './proven-length.js';
import { type PacketKind, specialise } from './specialise.js';
import { bodyOf, nothingPrepared } from './structure.js';

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

/** For fewer, telling kinds apart costs more than it saves. */
const LEAST_FOR_KINDS = 4;

/**
 * Translates programs to one JavaScript function. In one function V8 loads what several programs look at once and proves
 * its bounds once, and there is one call for all of them: fifty filters take a fifth of the time of fifty functions. For the
 * commonest kinds of packets there is a function each, in which all that the kind decides is decided before.
 * @throws BpfleetError `PROGRAM_INVALID` for what `checkSetProgram` refuses
 */
export function jitAll(programs: readonly Program[]): PacketClassifier {
  // Also what checks the programs.
  const alone = programs.map((program) => jit(program));
  const graphs = programs.map((program) => flowGraph(program));
  const any = classifier(graphs, alone);
  if (programs.length < LEAST_FOR_KINDS) return any;
  const ofKinds = packetKinds.map((kind) => classifierOf(kind, graphs, alone));
  const choices = packetKinds.map((kind, number) => `if (${kindCode(kind)}) return kind${number}(${PARAMETERS});`);
  const names = packetKinds.map((_, number) => `kind${number}`);
  const source = [
    `return function (${PARAMETERS}) {`,
    ...['const at = start | 0;', ...choices, `return any(${PARAMETERS});`, '};'],
  ].join('\n');
  return new Function('any', ...names, source)(any, ...ofKinds) as PacketClassifier;
}

const PARAMETERS = 'bytes, start, captured, wire, metadata, hits';

function classifierOf(
  kind: PacketKind,
  graphs: readonly Block[][],
  alone: readonly PacketFunction[],
): PacketClassifier {
  const { leastBytes } = kind;
  const special = graphs.map((blocks) => specialise(blocks, kind));
  const shared = sharedLoads(special, leastBytes);
  const words = new Map([...shared.keys()].map((key) => [key, wordName(key)]));
  const lines = [...shared].map(([key, code]) => `const ${wordName(key)} = ${code};`);
  return classifier(special, alone, { leastBytes, words }, lines);
}

/** What is loaded more than once, from bytes that are there: by `wordKey`, the code that loads it. */
function sharedLoads(graphs: readonly (readonly Block[])[], leastBytes: number): Map<string, string> {
  const once = new Set<string>();
  const shared = new Map<string, string>();
  for (const instruction of graphs.flat().flatMap(({ body }) => body)) {
    const isOfBytes = (instruction.code & 0xe7) === (BPF.LD | BPF.ABS) && instruction.k < 0x8000_0000;
    if (!isOfBytes || loadEnd(instruction) > leastBytes) continue;
    const key = wordKey(instruction);
    if (once.has(key)) shared.set(key, wordCode(instruction));
    once.add(key);
  }
  return shared;
}

const wordName = (key: string): string => `w${key.replace('@', '_')}`;

function classifier(
  graphs: readonly (readonly Block[])[],
  alone: readonly PacketFunction[],
  prepared = nothingPrepared,
  preparation: readonly string[] = [],
): PacketClassifier {
  const bodies = graphs.map((blocks, number) => {
    const body = bodyOf(blocks, prepared);
    return body === undefined
      ? `v = alone[${number}](bytes, start, captured, wire, arguments[4]);`
      : blockOf(body, number);
  });
  const source = [
    "'use strict';",
    `return function (${PARAMETERS}) {`,
    'const at = start | 0;',
    ...preparation,
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
