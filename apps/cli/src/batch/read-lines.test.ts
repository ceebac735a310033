import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { readLines } from './read-lines.js';

async function linesOf(chunks: readonly (Buffer | string)[], maxBytes?: number): Promise<(string | undefined)[]> {
  const lines: (string | undefined)[] = [];
  for await (const line of readLines(Readable.from(chunks), maxBytes)) lines.push(line);
  return lines;
}

it('ends lines at newlines wherever the chunks end, also inside a character', async () => {
  const bytes = Buffer.from('one\r\n“two”\n\nlast');
  const single = Array.from(bytes, (byte) => Buffer.of(byte));
  expect(await linesOf(single)).toEqual(['one', '“two”', '', 'last']);
  expect(await linesOf(['a\nb', 'c\n'])).toEqual(['a', 'bc']);
  expect(await linesOf([])).toEqual([]);
});

it('keeps nothing of a line that is too long, and goes on behind it', async () => {
  expect(await linesOf(['12345678', '9\nnext\n', '123456789'], 8)).toEqual([undefined, 'next', undefined]);
  expect(await linesOf(['12345678\n'], 8)).toEqual(['12345678']);
});
