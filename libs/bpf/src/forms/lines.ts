import { BpfleetError, type Span } from '@bpfleet/errors';

/** One instruction of a listing, still as words. */
export interface Line {
  readonly operation: Word;
  /** Separated by commas, or by the words of a `tcpdump -d` listing (`jt 4 jf 5`). */
  readonly operands: readonly Word[];
  /** `jt` and `jf` of a listing: instruction numbers instead of labels. */
  readonly listed: { readonly jt: Word; readonly jf: Word } | undefined;
  readonly labels: readonly Word[];
}

export interface Word {
  readonly text: string;
  readonly span: Span;
}

export interface Lines {
  readonly lines: readonly Line[];
  /** Labels behind the last instruction. */
  readonly trailing: readonly Word[];
}

/** Splits a program's text into instructions. Comments start with `;` or `/*`, a label ends with a colon. */
export function readLines(text: string): Lines {
  const lines: Line[] = [];
  let labels: Word[] = [];
  let start = 0;
  for (const raw of withoutComments(text).split('\n')) {
    let rest = trimmed({ text: raw, span: { start, end: start + raw.length } });
    start += raw.length + 1;
    for (let label = /^[A-Za-z_]\w*\s*:/.exec(rest.text); label; label = /^[A-Za-z_]\w*\s*:/.exec(rest.text)) {
      labels.push(part(rest, 0, label[0].length - 1));
      rest = trimmed(part(rest, label[0].length));
    }
    const number = /^\((\d+)\)\s*/.exec(rest.text);
    if (number) {
      // jt and jf count by these numbers: where one does not say its place, a line is missing or stands twice.
      if (Number(number[1]) !== lines.length) {
        refuse(part(rest, 0, number[0].trimEnd().length), `here stands instruction ${lines.length} of the listing`);
      }
      rest = part(rest, number[0].length);
    }
    if (rest.text === '') continue;
    lines.push({ ...instructionOf(rest), labels });
    labels = [];
  }
  return { lines, trailing: labels };
}

function instructionOf(line: Word): Omit<Line, 'labels'> {
  const operation = /^\S+/.exec(line.text)?.[0] ?? '';
  const rest = trimmed(part(line, operation.length));
  const listed = /\s*\bjt\s+(\d+)\s+jf\s+(\d+)$/.exec(rest.text);
  const operands = listed ? part(rest, 0, listed.index) : rest;
  return {
    operation: part(line, 0, operation.length),
    operands: splitAtCommas(operands),
    listed: listed
      ? { jt: numberIn(rest, listed[1] as string, 'jt'), jf: numberIn(rest, listed[2] as string, 'jf') }
      : undefined,
  };
}

function numberIn(line: Word, number: string, behind: string): Word {
  const at = line.text.indexOf(number, line.text.lastIndexOf(behind));
  return part(line, at, at + number.length);
}

function splitAtCommas(operands: Word): Word[] {
  if (operands.text.trim() === '') return [];
  const words: Word[] = [];
  let start = 0;
  for (const piece of operands.text.split(',')) {
    words.push(trimmed(part(operands, start, start + piece.length)));
    start += piece.length + 1;
  }
  return words;
}

/** Blanks, so that every place stays where it is. */
function withoutComments(text: string): string {
  const blank = (comment: string) => comment.replace(/[^\n]/g, ' ');
  return text
    .replace(/\/\*[\s\S]*?\*\//g, blank)
    .replace(/;.*/g, blank)
    .replace(/\r/g, ' ');
}

function part(word: Word, from: number, to = word.text.length): Word {
  return { text: word.text.slice(from, to), span: { start: word.span.start + from, end: word.span.start + to } };
}

function trimmed(word: Word): Word {
  const from = word.text.length - word.text.trimStart().length;
  return part(word, from, Math.max(from, word.text.trimEnd().length));
}

export function refuse(word: Word, message: string): never {
  throw new BpfleetError('PROGRAM_INVALID', message, { span: word.span });
}
