/** Text of a stranger, fit for a log line and for Postgres, which takes neither NUL nor half of a surrogate pair. */
export const printable = (text: string, maxLength: number): string =>
  text.slice(0, maxLength).replace(/[\p{Cc}\p{Cs}]/gu, '\u{FFFD}');
