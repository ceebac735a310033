import type { Packet, Program } from '@bpfleet/bpf';
import { formFor, type Theirs } from './oracle.js';
import { Relevant } from './relevant.js';
import { type End, endsOf } from './ways.js';

/**
 * What libpcap's plain form answers when loads outside of the packet are left out together with the questions that need
 * them. Each such question is followed both ways, but for what contradicts an earlier answer about the same number; so a
 * question counts as deciding even if the number's size settles it (`ip[99] < 300`), and its load stays. Where all ways end in
 * one answer, none of these questions decides anything of this packet: a program without them must answer so.
 *
 * To know all answers everywhere would take more states than there is time for. So the ways first forget all of them; when
 * they end in different answers, what contradicts itself on a way to one of them is kept from then on, and they are followed
 * anew (counterexample-guided abstraction refinement). Ways that forget are more, never fewer: one end of theirs is proof.
 */
export function answerWithoutMissing(theirs: Theirs, packet: Packet, learned?: Relevant): End {
  const program = formFor(theirs, packet).plain;
  const relevant = learned ?? learnedOf(program);
  for (;;) {
    const { ways, isWhole } = endsOf(program, packet, relevant);
    if (isWhole && ways.size === 1) return oneOf([...ways.keys()]);
    // All of them before any is judged: the ways are followed as seldom as possible.
    const areLearned = [...ways.values()].map((way) => relevant.learn(way));
    if (!areLearned.includes(true)) return isWhole ? oneOf([...ways.keys()]) : 'unproven';
  }
}

/** What contradicts itself for one packet mostly does for the next: only the first one of a program takes long. */
const LEARNED = new WeakMap<Program, Relevant>();

function learnedOf(program: Program): Relevant {
  const learned = LEARNED.get(program) ?? new Relevant();
  LEARNED.set(program, learned);
  return learned;
}

/** Ends that are all reached, as one. A way without a meaning may have ended as the others did, or not. */
function oneOf(ends: readonly End[]): End {
  const answers = ends.filter((end) => typeof end === 'number');
  if (ends.includes('unproven') || answers.length > 1) return 'unproven';
  if (ends.includes('unset')) return 'unset';
  return ends.includes('long chain') ? 'long chain' : (answers[0] ?? 'unproven');
}
