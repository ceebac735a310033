import { Ancillary, BPF, type PacketMetadata, type Program, SKF_AD_OFF } from '@bpfleet/bpf';
import { alu, jumps } from '../oracle/machine.js';
import type { Random } from '../random.js';

/** A number of a running program that came from bytes of the packet, and what was calculated with it since. */
interface Origin {
  readonly offset: number;
  readonly size: number;
  readonly steps: readonly { readonly operation: number; readonly operand: number }[];
}
export type Changeable<Type> = { -readonly [Key in keyof Type]: Type[Key] };
type Metadata = Changeable<PacketMetadata>;

interface Cell {
  readonly value: number;
  readonly origin?: Origin | 'length' | Beside;
}
/** Read from the metadata. */
interface Beside {
  readonly beside: keyof PacketMetadata;
}

/** One question that the program asked of the frame, and its answer. */
export interface Decision {
  readonly origin: Origin;
  readonly test: number;
  readonly operand: number;
  readonly isTrue: boolean;
}
export interface Steered {
  readonly length: number | undefined;
  readonly decisions: readonly Decision[];
}

/** A near miss: everything stays as decided but one answer, and what else hangs on the same bytes. */
export function turnOne(decisions: readonly Decision[], frame: Uint8Array, random: Random): void {
  if (decisions.length === 0) return;
  const { origin, test, operand, isTrue } = random.of(decisions);
  makeHold(random, test, operand, !isTrue, frame, new Uint8Array(frame.length), origin);
}

/** Puts into one field what another of its size is compared with: a source's address into the destination. */
export function exchangeOne(decisions: readonly Decision[], frame: Uint8Array, random: Random): void {
  if (decisions.length === 0) return;
  const { origin } = random.of(decisions);
  const alike = decisions.filter((one) => one.origin.size === origin.size && one.test === BPF.JEQ);
  if (alike.length === 0) return;
  makeHold(random, BPF.JEQ, random.of(alike).operand, true, frame, new Uint8Array(frame.length), origin);
}

const ZERO: Cell = { value: 0 };

/**
 * Runs libpcap's own program over a frame, and wherever it decides, changes the bytes it looked at so that it goes the way to
 * a wanted end. Constants, offsets and masks come from that program alone, so a fault of our compiler cannot hide in the aim.
 * Bytes decided once stay, because a later decision must not undo an earlier one; contradictions end in some other verdict.
 * @param wanted the instructions from which the wanted end can be reached; see `reaching`
 * @returns what was decided on the way, and the length the packet should have, where the program asked for one
 */
export function steer(
  program: Program,
  frame: Uint8Array,
  metadata: Metadata | undefined,
  wanted: Uint8Array,
  random: Random,
  astray: number,
): Steered {
  const memory: Cell[] = Array<Cell>(16).fill(ZERO);
  const fixed = new Uint8Array(frame.length);
  let length: number | undefined;
  const decisions: Decision[] = [];
  let a = ZERO;
  let x = ZERO;
  let at = 0;
  for (let step = 0; step < 600; step++) {
    const instruction = program[at];
    if (instruction === undefined) return { length, decisions };
    const { code, jt, jf, k } = instruction;
    at++;
    const mode = code & 0xe0;
    switch (code & 0x07) {
      case BPF.RET:
        return { length, decisions };
      case BPF.LD:
      case BPF.LDX: {
        let cell: Cell | undefined;
        if (mode === BPF.IMM) cell = { value: k };
        else if (mode === BPF.MEM) cell = memory[k] ?? ZERO;
        else if (mode === BPF.LEN) cell = { value: length ?? frame.length, origin: 'length' };
        else if (mode === BPF.ABS && k >= SKF_AD_OFF) cell = besideAt(metadata, k - SKF_AD_OFF);
        else cell = loaded(frame, mode === BPF.IND ? (x.value + k) >>> 0 : k, mode === BPF.MSH ? 1 : sizeOf(code));
        // Outside: the frame is too short for this way.
        if (cell === undefined) return { length, decisions };
        if ((code & 0x07) === BPF.LD) a = cell;
        else x = mode === BPF.MSH ? then(then(cell, BPF.AND, 15), BPF.LSH, 2) : cell;
        break;
      }
      case BPF.ST:
        memory[k] = a;
        break;
      case BPF.STX:
        memory[k] = x;
        break;
      case BPF.ALU:
        a = then(a, code & 0xf0, code & BPF.X ? x.value : k);
        break;
      case BPF.JMP: {
        if ((code & 0xf0) === BPF.JA) {
          at += k | 0;
          break;
        }
        const operand = code & BPF.X ? x.value : k;
        const holds = jumps(code & 0xf0, a.value, operand);
        const choice = chooseWay(random, wanted[at + jt] === 1, wanted[at + jf] === 1, random.chance(astray), holds);
        let taken = holds;
        if (choice !== holds && typeof a.origin === 'object' && 'beside' in a.origin) {
          if (setBeside(random, metadata, a.origin.beside, code & 0xf0, operand, choice)) taken = choice;
        } else if (choice !== holds && a.origin !== undefined) {
          const value = makeHold(random, code & 0xf0, operand, choice, frame, fixed, a.origin);
          if (value?.length !== undefined) length = value.length;
          if (value !== undefined) taken = choice;
        } else if (typeof a.origin === 'object' && 'offset' in a.origin) {
          fixed.fill(1, a.origin.offset, a.origin.offset + a.origin.size);
        }
        if (typeof a.origin === 'object' && 'offset' in a.origin) {
          decisions.push({ origin: a.origin, test: code & 0xf0, operand, isTrue: taken });
        }
        at += taken ? jt : jf;
        break;
      }
      default:
        if (code & BPF.TXA) a = x;
        else x = a;
    }
  }
  return { length, decisions };
}

function chooseWay(random: Random, ifTrue: boolean, ifFalse: boolean, isAstray: boolean, holds: boolean): boolean {
  if (ifTrue === ifFalse || isAstray) return random.chance(50) ? holds : random.chance(50);
  return ifTrue;
}

/** Instructions from which one that returns more (or, with `accepting` false, no more) than 0 can be reached. */
export function reaching(program: Program, accepting: boolean): Uint8Array {
  const reaches = new Uint8Array(program.length + 1);
  // Backwards; again while a jump back (of `protochain`) brings something new.
  for (let changed = true; changed; ) {
    changed = false;
    for (let at = program.length - 1; at >= 0; at--) {
      const { code, jt, jf, k } = program[at] ?? { code: 0, jt: 0, jf: 0, k: 0 };
      let now = reaches[at + 1];
      if ((code & 0x07) === BPF.RET) now = Number(k > 0 === accepting);
      else if (code === (BPF.JMP | BPF.JA)) now = reaches[at + 1 + (k | 0)];
      else if ((code & 0x07) === BPF.JMP) now = (reaches[at + 1 + jt] ?? 0) | (reaches[at + 1 + jf] ?? 0);
      if (now === reaches[at]) continue;
      reaches[at] = now ?? 0;
      changed = true;
    }
  }
  return reaches;
}

const sizeOf = (code: number): number => ((code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1);

function loaded(frame: Uint8Array, offset: number, size: number): Cell | undefined {
  if (offset + size > frame.length) return undefined;
  let value = 0;
  for (let index = 0; index < size; index++) value = value * 256 + (frame[offset + index] ?? 0);
  return { value, origin: { offset, size, steps: [] } };
}

function then(cell: Cell, operation: number, operand: number): Cell {
  const value = alu(operation, cell.value, operand) ?? 0;
  if (typeof cell.origin !== 'object' || 'beside' in cell.origin)
    return { value, ...(cell.origin && { origin: cell.origin }) };
  return { value, origin: { ...cell.origin, steps: [...cell.origin.steps, { operation, operand }] } };
}

/** Writes bytes that make the condition hold, or not; undefined when that cannot be, or would undo an earlier decision. */
function makeHold(
  random: Random,
  test: number,
  operand: number,
  isTrue: boolean,
  frame: Uint8Array,
  fixed: Uint8Array,
  origin: Origin | 'length' | Beside,
): { length?: number } | undefined {
  const target = valueFor(random, test, operand, isTrue);
  if (target === undefined || (typeof origin === 'object' && 'beside' in origin)) return undefined;
  if (origin === 'length') return target > 0 && target <= 1600 ? { length: target } : undefined;
  let value = 0;
  for (let index = 0; index < origin.size; index++) value = value * 256 + (frame[origin.offset + index] ?? 0);
  const wanted = undo(origin.steps, target, value);
  if (wanted === undefined || wanted >= 2 ** (8 * origin.size)) return undefined;
  for (let index = 0; index < origin.size; index++) {
    const at = origin.offset + index;
    const byte = Math.floor(wanted / 2 ** (8 * (origin.size - 1 - index))) & 255;
    if (fixed[at] && frame[at] !== byte) return undefined;
    frame[at] = byte;
  }
  fixed.fill(1, origin.offset, origin.offset + origin.size);
  return origin.steps.reduce((now, { operation, operand: by }) => alu(operation, now, by) ?? 0, wanted) === target
    ? {}
    : undefined;
}

/** A number for which the test holds or not, near the border more often than far. */
function valueFor(random: Random, test: number, operand: number, isTrue: boolean): number | undefined {
  const away = random.of([1, 1, 2, 1 + random.below(200)]);
  const inside = (value: number) => (value >= 0 && value <= 0xffff_ffff ? value : undefined);
  switch (test) {
    case BPF.JEQ:
      return isTrue ? operand : inside(operand + random.of([-1, 1, away]));
    case BPF.JGT:
      return inside(isTrue ? operand + away : Math.max(0, operand - random.of([0, 0, away])));
    case BPF.JGE:
      return inside(isTrue ? operand + random.of([0, 0, away]) : operand - away);
    default:
      return isTrue ? (operand & -operand) >>> 0 : 0;
  }
}

/** The loaded number that gives `target` after the steps; bits that do not matter stay as they are in `now`. */
function undo(steps: Origin['steps'], target: number, now: number): number | undefined {
  const values = [now];
  for (const { operation, operand } of steps) values.push(alu(operation, values.at(-1) ?? 0, operand) ?? 0);
  let value: number = target;
  for (let index = steps.length - 1; index >= 0; index--) {
    const { operation, operand } = steps[index] ?? { operation: 0, operand: 0 };
    const before = values[index] ?? 0;
    switch (operation) {
      case BPF.AND:
        if ((value & ~operand) !== 0) return undefined;
        value = ((before & ~operand) | value) >>> 0;
        break;
      case BPF.OR:
        value = ((before & operand) | (value & ~operand)) >>> 0;
        break;
      case BPF.XOR:
        value = (value ^ operand) >>> 0;
        break;
      case BPF.ADD:
        value = (value - operand) >>> 0;
        break;
      case BPF.SUB:
        value = (value + operand) >>> 0;
        break;
      case BPF.LSH:
        value = value >>> operand;
        break;
      case BPF.RSH:
        value = ((value << operand) | (before & ((1 << operand) - 1))) >>> 0;
        break;
      case BPF.MUL:
        if (operand === 0) return undefined;
        value = Math.floor(value / operand);
        break;
      case BPF.DIV:
        value = Math.imul(value, operand) >>> 0;
        break;
      case BPF.MOD:
        break;
      default:
        value = -value >>> 0;
    }
  }
  return value;
}

const NAMES: Readonly<Record<number, keyof PacketMetadata>> = {
  [Ancillary.PKTTYPE]: 'packetType',
  [Ancillary.IFINDEX]: 'interfaceIndex',
  [Ancillary.VLAN_TAG]: 'vlanTci',
  [Ancillary.VLAN_TAG_PRESENT]: 'vlanTagPresent',
  [Ancillary.VLAN_TPID]: 'vlanProtocol',
};

function besideAt(metadata: Metadata | undefined, what: number): Cell {
  const name = NAMES[what];
  if (metadata === undefined || name === undefined) return ZERO;
  return { value: Number(metadata[name]), origin: { beside: name } };
}

/** What was calculated with the tag since is a mask of its 12 bits, which leaves a wanted identifier as it is. */
function setBeside(
  random: Random,
  metadata: Metadata | undefined,
  name: keyof PacketMetadata,
  test: number,
  operand: number,
  isTrue: boolean,
): boolean {
  const value = valueFor(random, test, operand, isTrue);
  if (metadata === undefined || value === undefined) return false;
  if (name === 'vlanTagPresent') metadata.vlanTagPresent = value !== 0;
  else if (name === 'vlanTci') metadata.vlanTci = value & 0xffff;
  else if (name === 'packetType') metadata.packetType = value % 5;
  else if (name === 'interfaceIndex') metadata.interfaceIndex = value;
  return true;
}
