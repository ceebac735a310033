/**
 * What makes two lines the same news: text, words among the facts, and what the error says. Numbers are left out: they are
 * times, sizes and sequence numbers, other ones each time.
 * @param bindings of the logger, such as its component
 * @param args as the logger was called with
 */
export function logCause(bindings: object, args: readonly unknown[]): string {
  const [first, text] = typeof args[0] === 'string' ? [{}, args[0]] : args;
  const facts = first instanceof Error ? { err: first } : (first ?? {});
  const words = Object.entries({ ...bindings, ...facts }).map(([name, value]) => `${name}=${wordsOf(value)}`);
  return [text, ...words].join(' ');
}

function wordsOf(value: unknown): string {
  if (value instanceof Error) return errorWords(value);
  return typeof value === 'string' && !/^\d+$/.test(value) ? value : '';
}

function errorWords(error: Error): string {
  const code = 'code' in error ? String(error.code) : error.name;
  const cause = error.cause instanceof Error ? ` ${errorWords(error.cause)}` : '';
  return `${code} ${error.message.replace(/\d+/g, '#')}${cause}`;
}
