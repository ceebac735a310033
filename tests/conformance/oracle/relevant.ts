import { type Answered, isPossible } from './possible.js';

/** A question that was asked on a way, of which number (`Missing`), and its answer there. */
export interface Asked {
  readonly name: string;
  readonly bits: number;
  readonly answered: Answered;
}

/** A way through a program: its questions, the last one first. */
export interface Way {
  readonly asked: Asked;
  readonly before: Way | undefined;
}

/**
 * The questions whose answers a way keeps, so that no later one contradicts them. Those that are not kept may be answered
 * anyhow again: there are more ways then, never fewer.
 */
export class Relevant {
  readonly #questions = new Map<string, Set<string>>();

  /** Whether a way must know that this number was asked for. */
  isKept({ name }: Asked): boolean {
    return this.#questions.has(name);
  }

  /** What a way that knows these answers about the number knows behind one more. */
  after(known: readonly Answered[], { name, bits, answered }: Asked): readonly Answered[] {
    const question = questionOf(answered);
    const isNew = this.#questions.get(name)?.has(question) && known.every((one) => questionOf(one) !== question);
    // Which no number gives is said once, at the first question: it contradicts nothing.
    return isNew && isPossible([...known, answered], bits) ? [...known, answered] : known;
  }

  /** Keeps what makes the way contradict itself; false where nothing does, or nothing that was not kept before. */
  learn(way: Way | undefined): boolean {
    const conflict = conflictOn(way);
    if (conflict === undefined) return false;
    const { name, answers } = conflict;
    const questions = this.#questions.get(name) ?? new Set();
    const before = this.#questions.has(name) ? questions.size : -1;
    for (const answer of answers) questions.add(questionOf(answer));
    this.#questions.set(name, questions);
    return questions.size > before;
  }
}

/** The number was asked for before, and with the answers known of it cannot have this one as well. */
export function contradicts(known: readonly Answered[], { bits, answered }: Asked): boolean {
  return !isPossible([...known, answered], bits);
}

/** The first contradiction on the way, of as few answers as make one. */
function conflictOn(way: Way | undefined): { name: string; answers: readonly Answered[] } | undefined {
  const inOrder: Asked[] = [];
  for (let one = way; one !== undefined; one = one.before) inOrder.unshift(one.asked);
  const known = new Map<string, Answered[]>();
  for (const asked of inOrder) {
    const { name, bits, answered } = asked;
    const before = known.get(name);
    if (before !== undefined && contradicts(before, asked)) return { name, answers: fewest(before, asked) };
    if (before === undefined) known.set(name, isPossible([answered], bits) ? [answered] : []);
    else before.push(answered);
  }
  return undefined;
}

function fewest(known: readonly Answered[], asked: Asked): readonly Answered[] {
  let needed = known;
  for (const one of known) {
    const without = needed.filter((other) => other !== one);
    if (contradicts(without, asked)) needed = without;
  }
  return [...needed, asked.answered];
}

const questionOf = ({ mask, within }: Answered) => `${mask} ${within}`;
