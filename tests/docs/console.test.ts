import { Readable, Writable } from 'node:stream';
import { run } from '@bpfleet/cli';
import { describe, expect, it } from 'vitest';
import { blocksOf } from './blocks.js';

const PAGES = ['20-filter-language.md', '21-bpf-machines.md'];

/** Runs `bpfleet A | bpfleet B` as a shell would; a first part `printf '…'` is the input. */
async function runLine(line: string, input: string): Promise<string> {
  let text = input;
  for (const command of line.split(' | ')) {
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    text = words[0] === 'printf' ? (words[1] ?? '').replaceAll('\\n', '\n') : await runCommand(words.slice(1), text);
  }
  return text.trimEnd();
}

async function runCommand(args: readonly string[], input: string): Promise<string> {
  let printed = '';
  const collect = new Writable({
    write(chunk: Buffer, _encoding, done) {
      printed += String(chunk);
      done();
    },
  });
  const { signal } = new AbortController();
  const env = {};
  await run(args, { input: Readable.from([input]), out: collect, err: collect, env, now: Date.now, signal });
  return printed;
}

/** For the one command that reads a program given on the page itself: its listing stands in its own output. */
const listingOf = (expected: string) => expected.split('\n\n')[0] ?? '';

describe.each(PAGES)('docs/%s', (page) => {
  const examples = blocksOf(page, 'console').map(({ lines: [first = '', ...rest] }) => [
    first.slice(2),
    rest.join('\n'),
  ]);

  it.each(examples)('prints what it says: %s', async (line = '', expected = '') => {
    expect(await runLine(line, listingOf(expected))).toBe(expected);
  });

  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(2);
  });
});
