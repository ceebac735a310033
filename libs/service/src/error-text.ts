import { BpfleetError } from '@bpfleet/errors';

/**
 * An error as a person reads it on a terminal. Our own errors say what happened, with their code, and what to do; anything else is a
 * defect, and its stack is what a report needs.
 * @param source the text that the error's span points into; with it a caret marks the place
 */
export function errorText(error: unknown, source?: string): string {
  if (!(error instanceof BpfleetError)) {
    return `error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
  }
  const lines = [`error: ${error.message} (${error.code})`];
  if (source !== undefined && error.span) lines.push(...caret(source, error.span));
  if (error.hint) lines.push(`hint: ${error.hint}`);
  return `${lines.join('\n')}\n`;
}

/** The line of the source that the span starts in, with carets under the part that the span covers. */
function caret(source: string, { start, end }: { start: number; end: number }): string[] {
  const lineStart = source.lastIndexOf('\n', start - 1) + 1;
  const newline = source.indexOf('\n', start);
  const lineEnd = newline < 0 ? source.length : newline;
  const width = Math.max(1, Math.min(end, lineEnd) - start);
  return [`  ${source.slice(lineStart, lineEnd)}`, `  ${' '.repeat(start - lineStart)}${'^'.repeat(width)}`];
}

/** Exit code: 2 when the caller has to change what was asked for, 1 for anything else. */
export function exitCodeOf(error: unknown): 1 | 2 {
  return error instanceof BpfleetError && (error.code === 'CONFIG_INVALID' || error.code === 'REQUEST_INVALID') ? 2 : 1;
}
