import type { Packet } from '@bpfleet/bpf';
import type { Libpcap } from '@bpfleet/linux';
import type { RandomExpression } from './expressions/expressions.js';
import { knownDifference } from './known-differences.js';
import type { LinkForm } from './link-types.js';
import { askLibpcap, runTheirs } from './oracle/oracle.js';
import { type Judgement, judge } from './oracle/rule.js';
import { askOurs, type Compile, runOurs } from './ours.js';
import { PacketMaker } from './packets/packets.js';
import { isWholeFrame } from './packets/well-formed.js';
import type { Random } from './random.js';

/** One thing ours does and libpcap does not, that no entry of the known differences explains. */
export interface Difference {
  readonly expression: string;
  readonly form: LinkForm;
  /** Undefined: one of the two refuses the expression. */
  readonly packet?: Packet;
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
}

const NONE: Record<Judgement, number> = {
  equal: 0,
  'equal to the plain form alone': 0,
  'equal to one of two': 0,
  apart: 0,
  excluded: 0,
  different: 0,
};

/** How to compare: with which compiler (a seeded fault's, for instance), how many packets, and when to stop. */
export interface ComparisonOptions {
  readonly compile: Compile;
  readonly packets: number;
  /** Leave an expression at its first difference. */
  readonly stopAtFirst?: boolean;
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
    const their = runTheirs(theirs, packet);
    const our = runOurs(ours, packet);
    let judgement = judge(our, their);
    if (judgement === 'apart' && isWholeFrame(packet, form)) judgement = 'different';
    if (their.plain.value !== 0) accepted++;
    if (judgement === 'different') {
      const difference: Difference = {
        expression: text,
        form,
        packet,
        ours: `${our.optimised}, plain ${our.plain}`,
        theirs: `${their.optimised.value} (${their.optimised.ending}), plain ${their.plain.value} (${their.plain.ending})`,
      };
      const reason = knownDifference(difference);
      if (reason === undefined) differences.push(difference);
      else known.push(reason);
      if (reason === undefined && stopAtFirst) {
        judgements[judgement]++;
        break;
      }
    }
    judgements[judgement]++;
  }
  return { outcome: 'compared', judgements, accepted, packets: seen, known, differences };
}

function refusals(
  expression: string,
  form: LinkForm,
  ours: ReturnType<typeof askOurs>,
  theirs: ReturnType<typeof askLibpcap>,
): Comparison {
  const nothing = { judgements: { ...NONE }, accepted: 0, packets: 0 };
  const isCrash = 'refusal' in ours && ours.refusal.code === 'CRASH';
  if ('refusal' in ours && 'refusal' in theirs && !isCrash) {
    return { ...nothing, outcome: 'refused by both', known: [], differences: [] };
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
  };
}
