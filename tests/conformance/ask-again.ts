import type { Libpcap } from '@bpfleet/linux';
import type { Difference } from './comparison.js';
import { BYTE_UNREAD, WORD_SHARED } from './known-differences.js';
import { isWireless } from './link-types.js';
import { answerWithoutMissing } from './oracle/left-out.js';
import { run } from './oracle/machine.js';
import { askLibpcap, formFor } from './oracle/oracle.js';
import type { OurValues } from './oracle/rule.js';
import { isRelation, termsOf } from './terms.js';

/**
 * The known difference that explains this one, when libpcap says what ours says as soon as it is asked in other words, in
 * which its fault does not show.
 */
export function askAgain(libpcap: Libpcap, difference: Difference, ours: OurValues): string | undefined {
  const { expression, form } = difference;
  const saysOurs = (text: string) => says(libpcap, text, difference, ours);
  const readable = withBytesRead(expression);
  if (readable !== undefined && [readable, ...(isWireless(form) ? reserved(readable) : [])].some(saysOurs))
    return BYTE_UNREAD.name;
  // Where a load outside the packet ended the run, the proof that it decides nothing goes on behind it, and reads the word.
  const { readsCalculation = false, endsOutside = false } = difference.words ?? {};
  const isShared = isWireless(form) && (readsCalculation || endsOutside) && reserved(expression).some(saysOurs);
  return isShared ? WORD_SHARED.name : undefined;
}

function says(libpcap: Libpcap, text: string, { form, packet }: Difference, ours: OurValues): boolean {
  const theirs = askLibpcap(libpcap, text, form);
  if ('refusal' in theirs || packet === undefined) return false;
  const { value, ending } = run(formFor(theirs, packet).plain, packet);
  // Reserved, but stored for an offset that counted at another place of the expression: it has no meaning.
  if (ending === 'unset') return true;
  return value === ours.plain && (value === ours.optimised || answerWithoutMissing(theirs, packet) === ours.optimised);
}

/**
 * Behind 802.11 headers libpcap keeps where the payload starts in a word of M[] that it stores first of all but reserves only
 * at the first term that needs it: here in front of all others. `stp` reads the payload's first byte alone; the second is for
 * packets without one.
 */
function reserved(expression: string): string[] {
  return ['stp or not stp', 'type data or not type data'].map((first) => `(${first}) and (${expression})`);
}

/** `byte 0 & 1` as `link[0] & 1 != 0`; undefined where there is none. */
function withBytesRead(expression: string): string | undefined {
  let text = expression;
  for (const { span } of termsOf(expression).filter(isRelation).toReversed()) {
    const [, index, operator, value] = /^byte\s+(\S+)\s*([&|])\s*(\S+)$/.exec(text.slice(span.start, span.end)) ?? [];
    if (operator === undefined) continue;
    text = `${text.slice(0, span.start)}(link[${index}] ${operator} ${value} != 0)${text.slice(span.end)}`;
  }
  return text === expression ? undefined : text;
}
