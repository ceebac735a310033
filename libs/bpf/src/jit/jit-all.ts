import type { Program } from '../instruction.js';
import { BPF, withoutSize } from '../opcodes.js';
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

/**
 * Programs of so many instructions together become one function, or one that is longer by itself. V8 never compiles a function of more
 * than 60 KiB of bytecode: 300 filters of 22 instructions took 13 µs a packet in one function, and take 1.2 µs in seven.
 */
const MOST_TOGETHER = 1024;
/** For fewer, telling kinds apart costs more than it saves. */
const LEAST_FOR_KINDS = 4;

/**
 * Translates programs to one JavaScript function, or some that it calls. In one function V8 loads what several programs look at once and proves
 * its bounds once, and there is one call for all of them: fifty filters take a fifth of the time of fifty functions. For the
 * commonest kinds of packets there is a function each, in which all that the kind decides is decided before.
 * @throws BpfleetError `PROGRAM_INVALID` for what `checkSetProgram` refuses
 */
export function jitAll(programs: readonly Program[]): PacketClassifier {
  const groups = grouped(programs);
  const any = groups.map((group) => classifier(group, group.graphs));
  const kinds = programs.length < LEAST_FOR_KINDS ? [] : packetKinds;
  const ofKinds = kinds.map((kind) => groups.map((group) => classifierOf(kind, group)));
  const call = (name: string) => groups.map((_, group) => `n = ${name}[${group}](${PARAMETERS}, n);`).join(' ');
  const source = [
    `return function (${PARAMETERS}) {`,
    ...['const at = start | 0;', 'let n = 0;'],
    ...kinds.map((kind, number) => `if (${kindCode(kind)}) { ${call(`kind${number}`)} return n; }`),
    ...[call('any'), 'return n;', '};'],
  ].join('\n');
  const names = kinds.map((_, number) => `kind${number}`);
  return new Function('any', ...names, source)(any, ...ofKinds) as PacketClassifier;
}

/** Programs that become one function. */
interface Group {
  /** Of the first one, among all. */
  readonly first: number;
  readonly graphs: readonly Block[][];
  /** Each by itself, for those that nest too deep. */
  readonly alone: readonly PacketFunction[];
}

/** The same with `n` hits written already. */
type GroupClassifier = (...args: [...Parameters<PacketClassifier>, n: number]) => number;

function grouped(programs: readonly Program[]): Group[] {
  const groups: Program[][] = [];
  let instructions = Number.POSITIVE_INFINITY;
  for (const program of programs) {
    instructions += program.length;
    if (instructions > MOST_TOGETHER) {
      groups.push([]);
      instructions = program.length;
    }
    groups.at(-1)!.push(program);
  }
  let first = 0;
  return groups.map((group) => {
    // Also what checks the programs.
    const alone = group.map((program) => jit(program));
    const made = { first, alone, graphs: group.map((program) => flowGraph(program)) };
    first += group.length;
    return made;
  });
}

const PARAMETERS = 'bytes, start, captured, wire, metadata, hits';

function classifierOf(kind: PacketKind, group: Group): GroupClassifier {
  const { leastBytes } = kind;
  const special = group.graphs.map((blocks) => specialise(blocks, kind));
  const shared = sharedLoads(special, leastBytes);
  const words = new Map([...shared.keys()].map((key) => [key, wordName(key)]));
  const lines = [...shared].map(([key, code]) => `const ${wordName(key)} = ${code};`);
  return classifier(group, special, { leastBytes, words }, lines);
}

/** What is loaded more than once, from bytes that are there: by `wordKey`, the code that loads it. */
function sharedLoads(graphs: readonly (readonly Block[])[], leastBytes: number): Map<string, string> {
  const once = new Set<string>();
  const shared = new Map<string, string>();
  for (const instruction of graphs.flat().flatMap(({ body }) => body)) {
    const isOfBytes = withoutSize(instruction.code) === (BPF.LD | BPF.ABS) && instruction.k < 0x8000_0000;
    if (!isOfBytes || loadEnd(instruction) > leastBytes) continue;
    const key = wordKey(instruction);
    if (once.has(key)) shared.set(key, wordCode(instruction));
    once.add(key);
  }
  return shared;
}

const wordName = (key: string): string => `w${key.replace('@', '_')}`;

function classifier(
  { first, alone }: Group,
  graphs: readonly (readonly Block[])[],
  prepared = nothingPrepared,
  preparation: readonly string[] = [],
): GroupClassifier {
  const bodies = graphs.map((blocks, number) => {
    const body = bodyOf(blocks, prepared);
    return body === undefined
      ? `v = alone[${number}](bytes, start, captured, wire, arguments[4]);`
      : blockOf(body, number);
  });
  const source = [
    "'use strict';",
    `return function (${PARAMETERS}, n) {`,
    'const at = start | 0;',
    ...preparation,
    'let v = 0;',
    ...bodies.map((body, index) => `${body}\n${hitCode(first + index)}`),
    'return n;',
    '};',
  ].join('\n');
  const make = new Function('load', 'ancillary', 'alone', source);
  return make(load, loadAncillary, alone) as GroupClassifier;
}

const hitCode = (number: number): string => `if (v !== 0) hits[n++] = v === ${UNDECIDED} ? ~${number} : ${number};`;

/** What the program would return is left in `v`, behind a block of its own. */
function blockOf(body: string, number: number): string {
  const words = new Set(body.match(/\bm\d+\b/g) ?? []);
  const locals = ['a = 0', 'x = 0', 'i = 0', 't = 0', ...[...words].map((word) => `${word} = 0`)];
  const leaving = body.replace(/\breturn ([^;]*);/g, `{ v = $1; break P${number}; }`);
  return `P${number}: {\nlet ${locals.join(', ')};\n${leaving}\n}`;
}
