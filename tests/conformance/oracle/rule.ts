import type { TheirRuns } from './oracle.js';
import type { End } from './ways.js';

/** What our two forms answer. */
export interface OurValues {
  readonly optimised: number;
  readonly plain: number;
}

export type Judgement =
  | 'equal'
  /** Where libpcap's two forms disagree on a packet neither loads outside of, its optimiser is wrong: its plain form counts. */
  | 'equal to the plain form alone'
  /** A load outside the packet; ours is one of their two answers. */
  | 'equal to one of two'
  /** A load outside the packet; both of ours agree, and they with none of theirs. Counted: rare, and on short frames only. */
  | 'apart'
  /** A load outside the packet ends both plain forms, and our optimised form left it out with a question that decides nothing. */
  | 'left out'
  /** Libpcap's program has no meaning that a kernel would give it; see `Ending`. Counted by why. */
  | 'excluded: wild'
  | 'excluded: unset'
  | 'excluded: long chain'
  | 'different';

/** The oracle rule: a load outside the packet ends a program with "no", and libpcap's two forms load different things. */
export function judge(ours: OurValues, theirs: TheirRuns): Judgement {
  const endings = [theirs.plain.ending, theirs.optimised.ending];
  for (const why of ['wild', 'unset', 'long chain'] as const) if (endings.includes(why)) return `excluded: ${why}`;
  if (!endings.includes('outside')) {
    if (ours.optimised !== theirs.plain.value || ours.plain !== theirs.plain.value) return 'different';
    return theirs.plain.value === theirs.optimised.value ? 'equal' : 'equal to the plain form alone';
  }
  const { plain, optimised } = theirs;
  const answers = [plain.value, optimised.value];
  if (answers.includes(ours.optimised) && answers.includes(ours.plain)) return 'equal to one of two';
  if (ours.optimised === ours.plain) return 'apart';
  return plain.ending === 'outside' && ours.plain === plain.value ? 'left out' : 'different';
}

/**
 * Our optimised form may leave a load out only if libpcap's own plain form says that it decides nothing of this packet: `proof`
 * is what `answerWithoutMissing` makes of it.
 */
export function judgeLeftOut(optimised: number, proof: End): Judgement {
  if (proof === 'unset' || proof === 'long chain') return `excluded: ${proof}`;
  return proof === optimised ? 'left out' : 'different';
}
