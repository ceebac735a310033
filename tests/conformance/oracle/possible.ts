import { contains, type NumberSet } from '@bpfleet/bpf';

/** A question that was asked of a number, whether `(number & mask)` is in a set, and the answer on the way that is followed. */
export interface Answered {
  readonly mask: number;
  readonly within: NumberSet;
  readonly answer: boolean;
}

/** Then the numbers are not searched further, and there may be one. */
const MAX_STEPS = 4096;

/** Whether there is a number of so many bits of which all these answers are true; true also where that takes too long to know. */
export function isPossible(answers: readonly Answered[], bits: number): boolean {
  const asked = answers.reduce((bitsAsked, { mask }) => bitsAsked | mask, 0);
  let steps = 0;
  /** Numbers that begin like `low`, with `free` bits behind that may be anything. */
  const search = (low: number, free: number): boolean => {
    if (++steps > MAX_STEPS) return true;
    const high = (low + 2 ** free - 1) >>> 0;
    if (answers.some((one) => isRefuted(one, low, high))) return false;
    if (free === 0 || search(low, free - 1)) return true;
    // A bit that nobody asks for may as well be 0.
    const next = 2 ** (free - 1);
    return (asked & next) !== 0 && search((low + next) >>> 0, free - 1);
  };
  return search(0, bits);
}

/** Whether no number from `low` to `high`, which differ in their last bits only, gives this answer. Exact where both are one number. */
function isRefuted({ mask, within, answer }: Answered, low: number, high: number): boolean {
  const [least, most] = [(low & mask) >>> 0, (high & mask) >>> 0];
  if (least === most) return contains(within, least) !== answer;
  return answer ? !meets(within, least, most) : holdsAll(within, least, most);
}

function meets(set: NumberSet, least: number, most: number): boolean {
  for (let index = 0; index < set.length; index += 2) {
    if ((set[index] ?? 0) <= most && (set[index + 1] ?? 0) >= least) return true;
  }
  return false;
}

function holdsAll(set: NumberSet, least: number, most: number): boolean {
  for (let index = 0; index < set.length; index += 2) {
    if ((set[index] ?? 0) <= least && (set[index + 1] ?? 0) >= most) return true;
  }
  return false;
}
