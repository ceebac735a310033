import { BpfleetError, type Span } from '@bpfleet/errors';

/** The text is not of the language, or names something that is not there. */
export function syntaxFault(span: Span, message: string, hint?: string): BpfleetError {
  return new BpfleetError('FILTER_SYNTAX', message, { span, ...(hint !== undefined && { hint }) });
}

/** The text is of the language, but means nothing here: `message` says why. */
export function unsupportedFault(span: Span | undefined, message: string, hint?: string): BpfleetError {
  return new BpfleetError('FILTER_UNSUPPORTED', message, {
    ...(span !== undefined && { span }),
    ...(hint !== undefined && { hint }),
  });
}

/** It is too much; `message` says what, and by how much. Without a span the whole expression is to blame. */
export function tooLargeFault(message: string, hint: string, span?: Span): BpfleetError {
  return new BpfleetError('FILTER_TOO_LARGE', message, { hint, ...(span !== undefined && { span }) });
}

/** How much of a long expression is shown around the fault. */
const MARGIN_CHARACTERS = 40;

/**
 * The expression with carets under the part that `error` refuses, its message, and what to try:
 * ```
 * tcp port 80 and host
 *                     ^ expected an address after host, but the expression ends
 * try: host 10.0.0.1
 * ```
 * Line breaks and tabs are shown as spaces, so that the carets stand right; of a long expression only the part
 * around the fault is shown.
 */
export function renderFault(expression: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof BpfleetError) || error.span === undefined) return `${message}${hintLine(error)}`;
  const { start, end } = error.span;
  const from = start > MARGIN_CHARACTERS + 10 ? start - MARGIN_CHARACTERS : 0;
  const until = Math.min(expression.length, Math.max(end, start + 1) + MARGIN_CHARACTERS);
  const head = from > 0 ? '… ' : '';
  const shown = printable(expression.slice(from, Math.min(until, start + 3 * MARGIN_CHARACTERS)));
  const tail = from + shown.length < expression.length ? ' …' : '';
  const carets = '^'.repeat(Math.max(1, Math.min(end - start, from + shown.length - start)));
  const indent = ' '.repeat(head.length + start - from);
  return `${head}${shown}${tail}\n${indent}${carets} ${message}${hintLine(error)}`;
}

function hintLine(error: unknown): string {
  return error instanceof BpfleetError && error.hint !== undefined ? `\ntry: ${error.hint}` : '';
}

/** One column for each UTF-16 unit, as spans count. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => ' '.repeat(character.length));
}
