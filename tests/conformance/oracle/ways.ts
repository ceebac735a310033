import { BPF, type Instruction, type Packet, type Program } from '@bpfleet/bpf';
import { jumps, MAX_JUMPS_BACK } from './machine.js';
import { type Content, calculated, loaded, type Missing, nameOf, originOf, WHOLE } from './missing.js';
import type { Answered } from './possible.js';
import { type Asked, contradicts, type Relevant, type Way } from './relevant.js';

/** How a way through the program ends: with an answer, without telling one, or where it has no meaning (`Ending`). */
export type End = number | 'unproven' | 'unset' | 'long chain';

/** Where a way is, and what it went through. */
interface State {
  readonly at: number;
  readonly a: Content;
  readonly x: Content;
  readonly memory: readonly Content[];
  readonly jumpsBack: number;
  /** By the name of what is missing: the answers that are kept, and what made it (`Missing`). */
  readonly known: ReadonlyMap<string, { readonly origins: readonly string[]; readonly answers: readonly Answered[] }>;
}

/** More are not followed. */
const MAX_STATES = 20_000;
const START: State = { at: 0, a: 0, x: 0, memory: Array(16).fill('unset'), jumpsBack: 0, known: new Map() };

/** Where a program ends. */
export interface Ends {
  /** Each end that was reached, with a way to it. */
  readonly ways: ReadonlyMap<End, Way | undefined>;
  /** False where there are too many states: there may be other ends. */
  readonly isWhole: boolean;
}

/** Follows libpcap's program on a packet from which loads may be missing, both ways at each question about one. */
export function endsOf(program: Program, packet: Packet, relevant: Relevant): Ends {
  const ahead = originsAhead(program);
  const pending: { state: State; way: Way | undefined }[] = [{ state: START, way: undefined }];
  const seen = new Set<string>();
  const ways = new Map<End, Way | undefined>();
  for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
    const next = untilQuestion(program, packet, one.state);
    if (typeof next !== 'object') {
      if (!ways.has(next)) ways.set(next, one.way);
      continue;
    }
    const question = withoutForgotten(next, ahead);
    const key = keyOf(question);
    if (seen.has(key)) continue;
    if (seen.add(key).size > MAX_STATES) return { ways, isWhole: false };
    pending.push(...bothWays(program, question, one.way, relevant));
  }
  return { ways, isWhole: true };
}

/** Runs to a question about something missing, or to the end. */
function untilQuestion(program: Program, packet: Packet, from: State): State | End {
  let { at, a, x, memory, jumpsBack } = from;
  for (;;) {
    const { code, jt, jf, k } = instructionAt(program, at);
    const operand = code & BPF.X ? x : k;
    switch (code & 0x07) {
      case BPF.RET: {
        const value = (code & 0x18) === BPF.A ? a : k;
        return typeof value === 'number' ? value : 'unproven';
      }
      case BPF.LD:
      case BPF.LDX: {
        const value = loaded(code, k, { x, memory }, packet);
        if (value === 'unset') return 'unset';
        if ((code & 0x07) === BPF.LD) a = value;
        else x = value;
        break;
      }
      case BPF.ST:
      case BPF.STX:
        memory = memory.with(k, (code & 0x07) === BPF.ST ? a : x);
        break;
      case BPF.ALU: {
        const result = calculated(code, a, operand);
        if (result === undefined) return 'unproven';
        a = result;
        break;
      }
      case BPF.JMP: {
        if ((code & 0xf0) === BPF.JA) {
          if ((k | 0) < 0 && ++jumpsBack > MAX_JUMPS_BACK) return 'long chain';
          at += k | 0;
        } else if (typeof a === 'number' && typeof operand === 'number') {
          at += jumps(code & 0xf0, a, operand) ? jt : jf;
        } else return { ...from, at, a, x, memory, jumpsBack };
        break;
      }
      default:
        if (code & BPF.TXA) a = x;
        else x = a;
    }
    at++;
  }
}

/** Behind a question about something missing; one way where what is known of the number contradicts the other. */
function bothWays(program: Program, { known, ...state }: State, way: Way | undefined, relevant: Relevant) {
  const { code, jt, jf, k } = instructionAt(program, state.at);
  const { of, test, isTurned } = questionAbout(state.a, code & BPF.X ? state.x : k, code, originOf(code, k));
  const before = known.get(of.name);
  return [false, true].flatMap((answer) => {
    const asked: Asked = { name: of.name, bits: of.bits, answered: { ...test, answer } };
    if (before !== undefined && contradicts(before.answers, asked)) return [];
    const at = state.at + 1 + (answer !== isTurned ? jt : jf);
    const next = { state: { ...state, at, known }, way: { asked, before: way } };
    if (!relevant.isKept(asked)) return [next];
    const origins = [...new Set([...(before?.origins ?? []), of.origin])];
    const answers = relevant.after(before?.answers ?? [], asked);
    return [{ ...next, state: { ...next.state, known: new Map(known).set(of.name, { origins, answers }) } }];
  });
}

/** What is asked of which number; turned where its answer is the opposite of the jump's. */
function questionAbout(a: Content, operand: Content, code: number, origin: string) {
  const test = code & 0xf0;
  if (typeof a === 'object' && typeof operand === 'number') {
    return { ...questionWithNumber(a, test, operand), isTurned: false };
  }
  if (typeof a === 'number' && typeof operand === 'object') {
    // a > x where not x >= a.
    const isTurned = test === BPF.JGT || test === BPF.JGE;
    const turned = test === BPF.JGT ? BPF.JGE : test === BPF.JGE ? BPF.JGT : test;
    return { ...questionWithNumber(operand, turned, a), isTurned };
  }
  // Two numbers compared are a number of their own, 1 or 0.
  const of: Missing = { name: `${nameOf(a)} ${test} ${nameOf(operand)}`, bits: 1, ...WHOLE, origin };
  return { of, test: { mask: 1, within: Uint32Array.of(1, 1) }, isTurned: false };
}

function questionWithNumber(of: Missing, test: number, k: number) {
  const { mask, minus } = of;
  const whole = test === BPF.JEQ || minus === 0 ? of : { ...of, name: nameOf(of), bits: 32, ...WHOLE };
  switch (test) {
    case BPF.JEQ: {
      const value = (k + minus) >>> 0;
      return { of, test: { mask, within: Uint32Array.of(value, value) } };
    }
    case BPF.JSET:
      return { of: whole, test: { mask: (whole.mask & k) >>> 0, within: Uint32Array.of(1, WHOLE.mask) } };
    default: {
      const least = test === BPF.JGT ? k + 1 : k;
      const within = least > WHOLE.mask ? new Uint32Array(0) : Uint32Array.of(least, WHOLE.mask);
      return { of: whole, test: { mask: whole.mask, within } };
    }
  }
}

/** By position: which numbers may be made there or later. */
function originsAhead(program: Program): readonly ReadonlySet<string>[] {
  const all = new Set(program.map(({ code, k }) => originOf(code, k)));
  const ahead: Set<string>[] = [];
  for (let at = program.length - 1; at >= 0; at--) {
    const { code, jt, jf, k } = instructionAt(program, at);
    const isJump = (code & 0x07) === BPF.JMP;
    const skips = (code & 0x07) === BPF.RET ? [] : !isJump ? [0] : (code & 0xf0) === BPF.JA ? [k | 0] : [jt, jf];
    ahead[at] = new Set([originOf(code, k)]);
    for (const skip of skips) for (const one of skip < 0 ? all : (ahead[at + 1 + skip] ?? [])) ahead[at]?.add(one);
  }
  return ahead;
}

/** Answers about what is held nowhere and not made again make no difference: without them more ways are one. */
function withoutForgotten(state: State, ahead: readonly ReadonlySet<string>[]): State {
  const { at, a, x, memory, known } = state;
  const held = new Set([a, x, ...memory].flatMap((content) => (typeof content === 'object' ? [content.name] : [])));
  const kept = [...known].filter(([name, { origins }]) => held.has(name) || origins.some((one) => ahead[at]?.has(one)));
  return kept.length === known.size ? state : { ...state, known: new Map(kept) };
}

function keyOf({ known, ...state }: State): string {
  const kept = [...known].map(([name, { answers }]) => [name, ...answers.map(textOf).sort()].join(' '));
  return JSON.stringify([state, kept.sort((a, b) => (a < b ? -1 : 1))]);
}

const textOf = ({ mask, within, answer }: Answered) => `${mask} ${within} ${answer}`;

function instructionAt(program: Program, at: number): Instruction {
  return program[at] ?? { code: BPF.RET, jt: 0, jf: 0, k: 0 };
}
