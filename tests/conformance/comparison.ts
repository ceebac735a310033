import type { Packet } from '@bpfleet/bpf';
import type { Libpcap } from '@bpfleet/linux';
import { askAgain } from './ask-again.js';
import type { RandomExpression } from './expressions/expressions.js';
import { knownDifference } from './known-differences.js';
import type { LinkForm } from './link-types.js';
import { answerWithoutMissing } from './oracle/left-out.js';
import { askLibpcap, formFor, type Repair, runTheirs, type Theirs } from './oracle/oracle.js';
import { type Judgement, judge, judgeLeftOut } from './oracle/rule.js';
import { type WordUse, wordsUsed } from './oracle/words.js';
import { askOurs, type Compile, isDearer, type Ours, runOurs } from './ours.js';
import { loadEnds } from './packets/load-ends.js';
import { PacketMaker, whole } from './packets/packets.js';
import { isWholeFrame } from './packets/well-formed.js';
import type { Random } from './random.js';
import { shrink } from './shrink/shrink.js';
import { isEncapsulation, termsOf } from './terms.js';

/** One thing ours does and libpcap does not, that no entry of the known differences explains. */
export interface Difference {
  readonly expression: string;
  readonly form: LinkForm;
  /** Undefined: one of the two refuses the expression. */
  readonly packet?: Packet;
  /** Of libpcap's plain form on the packet. */
  readonly words?: WordUse;
  readonly ours: string;
  readonly theirs: string;
}

/** What became of one expression. */
export interface Comparison {
  readonly outcome: 'compared' | 'refused by both' | 'refused by one';
  readonly judgements: Readonly<Record<Judgement, number>>;
  /** Shares of libpcap's plain form. */
  readonly accepted: number;
  readonly packets: number;
  readonly known: readonly string[];
  readonly differences: readonly Difference[];
  /** Our optimised form costs more than our plain one. */
  readonly isDearer: boolean;
}

const NONE: Record<Judgement, number> = {
  equal: 0,
  'equal to the plain form alone': 0,
  'equal to one of two': 0,
  apart: 0,
  'left out': 0,
  'excluded: wild': 0,
  'excluded: unset': 0,
  'excluded: long chain': 0,
  different: 0,
};

/** How to compare: with which compiler (a seeded fault's, for instance), how many packets, and when to stop. */
export interface ComparisonOptions {
  readonly compile: Compile;
  readonly packets: number;
  /** Leave an expression at its first difference. */
  readonly stopAtFirst?: boolean;
}

/**
 * Whether libpcap's program is seen to accept one packet and to refuse another, or refuses the expression. Most random
 * conjunctions contradict themselves: they say little about a compiler.
 */
export function hasTwoSides(
  libpcap: Libpcap,
  { text, form }: Pick<RandomExpression, 'text' | 'form'>,
  random: Random,
): boolean {
  const theirs = askLibpcap(libpcap, text, form);
  if ('refusal' in theirs) return true;
  const maker = new PacketMaker(random, form, theirs);
  const seen = new Set<boolean>();
  for (let count = 0; count < 16 && seen.size < 2; count++) seen.add(runTheirs(theirs, maker.next()).plain.value !== 0);
  return seen.size === 2;
}

/** The difference that this compiler shows on one expression and packet, with the name of the known one that explains it. */
export function differenceOn(
  libpcap: Libpcap,
  compile: Compile,
  expression: string,
  form: LinkForm,
  packet: Packet | undefined,
  repair?: Repair,
): { difference: Difference; known: string | undefined } | undefined {
  const ours = askOurs(compile, expression, form);
  const theirs = askLibpcap(libpcap, expression, form, repair);
  if ('refusal' in ours || 'refusal' in theirs) {
    const { differences, explained } = refusals(expression, form, ours, theirs);
    const [difference] = [...differences, ...explained];
    return difference && { difference, known: knownDifference(difference) };
  }
  if (packet === undefined) return undefined;
  const { difference, known } = comparePair(libpcap, expression, form, ours, theirs, packet);
  return difference && { difference, known };
}

/** Whether this compiler differs from libpcap there too, without a reason. */
export function differsToo(libpcap: Libpcap, compile: Compile, { expression, form, packet }: Difference): boolean {
  const found = differenceOn(libpcap, compile, expression, form, packet);
  return found !== undefined && found.known === undefined;
}

/** Shrinks a difference with the same two compilers that showed it. */
export function smallestOf(libpcap: Libpcap, compile: Compile, difference: Difference): Difference {
  const { form } = difference;
  // Programs stay while only the packet changes.
  let last: { text: string; ours: ReturnType<typeof askOurs>; theirs: ReturnType<typeof askLibpcap> } | undefined;
  return shrink(difference, (text, packet) => {
    if (last?.text !== text) {
      last = { text, ours: askOurs(compile, text, form), theirs: askLibpcap(libpcap, text, form) };
    }
    const { ours, theirs } = last;
    if (packet === undefined) {
      const isSameSide =
        'refusal' in ours !== 'refusal' in theirs && 'refusal' in theirs === (difference.ours === 'compiled');
      return isSameSide ? refusals(text, form, ours, theirs).differences[0] : undefined;
    }
    if ('refusal' in ours || 'refusal' in theirs) return undefined;
    const pair = comparePair(libpcap, text, form, ours, theirs, packet);
    return pair.judgement === 'different' && pair.known === undefined ? pair.difference : undefined;
  });
}

const looksInside = (expression: string) => termsOf(expression).some(isEncapsulation);

function comparePair(libpcap: Libpcap, expression: string, form: LinkForm, ours: Ours, theirs: Theirs, packet: Packet) {
  const their = runTheirs(theirs, packet);
  const our = runOurs(ours, packet);
  let judgement = judge(our, their);
  if (judgement === 'left out') judgement = judgeLeftOut(our.optimised, answerWithoutMissing(theirs, packet));
  // The length of the outer IP header says nothing of what stands inside.
  if (judgement === 'apart' && isWholeFrame(packet, form) && !looksInside(expression)) judgement = 'different';
  const isAccepted = their.plain.value !== 0;
  if (judgement !== 'different') return { judgement, isAccepted };
  const difference: Difference = {
    expression,
    form,
    packet,
    words: wordsUsed(formFor(theirs, packet).plain, packet),
    ours: `${our.optimised}, plain ${our.plain}`,
    theirs: `${their.optimised.value} (${their.optimised.ending}), plain ${their.plain.value} (${their.plain.ending})`,
  };
  return {
    judgement,
    isAccepted,
    difference,
    known: knownDifference(difference) ?? askAgain(libpcap, difference, our),
  };
}

export function compareExpression(
  libpcap: Libpcap,
  { text, form }: Pick<RandomExpression, 'text' | 'form'>,
  random: Random,
  { compile, packets, stopAtFirst = true }: ComparisonOptions,
): Comparison {
  const theirs = askLibpcap(libpcap, text, form);
  const ours = askOurs(compile, text, form);
  if ('refusal' in theirs || 'refusal' in ours) {
    return refusals(text, form, ours, theirs);
  }
  const judgements = { ...NONE };
  const differences: Difference[] = [];
  const known: string[] = [];
  const maker = new PacketMaker(random, form, theirs);
  let accepted = 0;
  let seen = 0;
  while (seen < packets) {
    const packet = maker.next();
    seen++;
    const pair = comparePair(libpcap, text, form, ours, theirs, packet);
    judgements[pair.judgement]++;
    if (pair.isAccepted) accepted++;
    if (pair.known !== undefined) known.push(pair.known);
    else if (pair.difference !== undefined) {
      differences.push(pair.difference);
      if (stopAtFirst) break;
    }
  }
  return { outcome: 'compared', judgements, accepted, packets: seen, known, differences, isDearer: isDearer(ours) };
}

/** What differs on packets that end just in front of where a load of libpcap's ends, of each load on the way of some packets. */
export function differencesAtLoadEnds(
  libpcap: Libpcap,
  { text, form }: Pick<RandomExpression, 'text' | 'form'>,
  random: Random,
  { compile, packets }: ComparisonOptions,
): { readonly pairs: number; readonly differences: readonly Difference[] } {
  const theirs = askLibpcap(libpcap, text, form);
  const ours = askOurs(compile, text, form);
  if ('refusal' in theirs || 'refusal' in ours) return { pairs: 0, differences: [] };
  const maker = new PacketMaker(random, form, theirs);
  const cuts = Array.from({ length: packets }, () => maker.next()).flatMap((packet) =>
    loadEnds(formFor(theirs, packet).plain, packet).map((end) =>
      whole(packet.bytes.slice(0, end - 1), packet.metadata),
    ),
  );
  const differences = cuts.flatMap((packet) => {
    const { difference, known } = comparePair(libpcap, text, form, ours, theirs, packet);
    return difference === undefined || known !== undefined ? [] : [difference];
  });
  return { pairs: cuts.length, differences };
}

function refusals(
  expression: string,
  form: LinkForm,
  ours: ReturnType<typeof askOurs>,
  theirs: ReturnType<typeof askLibpcap>,
): Comparison & { readonly explained: readonly Difference[] } {
  const nothing = { judgements: { ...NONE }, accepted: 0, packets: 0, isDearer: false };
  const isCrash = 'refusal' in ours && ours.refusal.code === 'CRASH';
  if ('refusal' in ours && 'refusal' in theirs && !isCrash) {
    return { ...nothing, outcome: 'refused by both', known: [], differences: [], explained: [] };
  }
  const difference: Difference = {
    expression,
    form,
    ours: 'refusal' in ours ? `${ours.refusal.code}: ${ours.refusal.message}` : 'compiled',
    theirs: 'refusal' in theirs ? theirs.refusal : 'compiled',
  };
  const reason = knownDifference(difference);
  return {
    ...nothing,
    outcome: 'refused by one',
    known: reason === undefined ? [] : [reason],
    differences: reason === undefined ? [difference] : [],
    explained: reason === undefined ? [] : [difference],
  };
}
