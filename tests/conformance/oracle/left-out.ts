import { BPF, type Instruction, type Packet, type Program } from '@bpfleet/bpf';
import { jumps, MAX_JUMPS_BACK } from './machine.js';
import { type Content, calculated, loaded, type Missing, nameOf, originOf, WHOLE } from './missing.js';
import { formFor, type Theirs } from './oracle.js';
import { type Answered, isPossible } from './possible.js';

/** How a way through the program ends: with an answer, without telling one, or where it has no meaning (`Ending`). */
export type End = number | 'unproven' | 'unset' | 'long chain';

/** Where a way is, and what it went through. */
interface State {
  readonly at: number;
  readonly a: Content;
  readonly x: Content;
  readonly memory: readonly Content[];
  /** By the name of what is missing: what was asked of it, and what made it (`Missing`). */
  readonly asked: ReadonlyMap<string, { readonly origins: readonly string[]; readonly answers: readonly Answered[] }>;
  readonly jumpsBack: number;
}

/** More are not followed: then nothing is proven. */
const MAX_STATES = 20_000;
const START: State = { at: 0, a: 0, x: 0, memory: Array(16).fill('unset'), asked: new Map(), jumpsBack: 0 };

/**
 * What libpcap's plain form answers when loads outside of the packet are left out together with the questions that need
 * them. Each such question is followed both ways, but for what contradicts an earlier answer about the same number; so a
 * question counts as deciding even if the number's size settles it (`ip[99] < 300`), and its load stays. Where all ways end in
 * one answer, none of these questions decides anything of this packet: a program without them must answer so.
 */
export function answerWithoutMissing(theirs: Theirs, packet: Packet): End {
  const program = formFor(theirs, packet).plain;
  const ahead = originsAhead(program);
  const pending: State[] = [START];
  const seen = new Set<string>();
  const ends = new Set<End>();
  for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
    const next = untilQuestion(program, packet, state);
    if (typeof next !== 'object') ends.add(next);
    else {
      const question = withoutForgotten(next, ahead);
      const key = keyOf(question);
      if (seen.has(key)) continue;
      seen.add(key);
      pending.push(...bothWays(program, question));
    }
    if (ends.has('unproven') || answersIn(ends).length > 1 || seen.size > MAX_STATES) return 'unproven';
  }
  // A way without a meaning may have ended as the others did, or not.
  for (const meaningless of ['unset', 'long chain'] as const) if (ends.has(meaningless)) return meaningless;
  return answersIn(ends)[0] ?? 'unproven';
}

const answersIn = (ends: ReadonlySet<End>) => [...ends].filter((end) => typeof end === 'number');

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

/** Behind a question about something missing; one way where the number was asked for before and the other cannot be. */
function bothWays(program: Program, state: State): State[] {
  const { at, a, x, asked } = state;
  const { code, jt, jf, k } = instructionAt(program, at);
  const { of, test, isTurned } = questionAbout(a, code & BPF.X ? x : k, code, originOf(code, k));
  const { answers: before = [], origins = [] } = asked.get(of.name) ?? {};
  const cannotBe = (answer: boolean) =>
    before.length > 0 && isPossible(before, of.bits) && !isPossible([...before, { ...test, answer }], of.bits);
  const way = (answer: boolean): State[] => {
    if (cannotBe(answer)) return [];
    const next = { ...state, at: at + 1 + (answer !== isTurned ? jt : jf) };
    // What follows from earlier answers tells nothing new.
    const after = cannotBe(!answer) ? before : [...before, { ...test, answer }];
    const known = { origins: [...new Set([...origins, of.origin])], answers: after };
    return [{ ...next, asked: new Map(asked).set(of.name, known) }];
  };
  return [...way(false), ...way(true)];
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
  const { at, a, x, memory, asked } = state;
  const held = new Set([a, x, ...memory].flatMap((content) => (typeof content === 'object' ? [content.name] : [])));
  const kept = [...asked].filter(([name, { origins }]) => held.has(name) || origins.some((one) => ahead[at]?.has(one)));
  return kept.length === asked.size ? state : { ...state, asked: new Map(kept) };
}

function keyOf({ asked, ...state }: State): string {
  return JSON.stringify([state, [...asked].sort()]);
}

function instructionAt(program: Program, at: number): Instruction {
  return program[at] ?? { code: BPF.RET, jt: 0, jf: 0, k: 0 };
}
