import type { PacketExplanation } from '@bpfleet/contract';
import { printable } from '../terminal.js';

/** Why a packet matched: each expression, and under it what each of its terms says of the packet. */
export function explanationLines(why: readonly PacketExplanation[]): string {
  return why.map((one) => `${titleOf(one)}\n${termLines(one)}`).join('\n');
}

function titleOf({ version, verdict, weight, expression, terms }: PacketExplanation): string {
  const subject = version ?? 'the expression asked about';
  const sampled = weight !== undefined && weight > 1 ? `, which kept one packet of ${weight}` : '';
  const says = { yes: 'matches', no: 'does not match', undecided: 'cannot be decided by the stored bytes' }[verdict];
  if (expression === undefined) return printable(`${subject}${sampled}: nobody knows its expression any more`);
  const isEmpty = expression.trim() === '';
  const unshown =
    !isEmpty && terms.length === 0 && verdict !== 'undecided' ? '; its terms are too many to show each' : '';
  return printable(`${subject}${sampled}: ${isEmpty ? '(every packet)' : expression}: ${says}${unshown}`);
}

const MARKS = { yes: 'yes', no: 'no', undecided: 'cut off' } as const;

function termLines({ expression = '', terms }: PacketExplanation): string {
  return terms
    .map(({ start, end, words, verdict, asked, endsHere }) => {
      const note = endsHere ? ' (reads behind the end of the packet: no)' : asked ? '' : ' (not asked)';
      return `  ${MARKS[verdict].padEnd(7)}  ${printable(`${expression.slice(start, end)}: it ${words}?${note}`)}`;
    })
    .map((line) => `${line}\n`)
    .join('');
}
