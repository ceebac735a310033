import { readFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { run } from '@bpfleet/cli';
import { describe, expect, it } from 'vitest';
import { pageText } from './blocks.js';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const PAGES: Readonly<Record<string, string>> = {
  README,
  ...Object.fromEntries(
    [
      '00-intro',
      '01-first-five-minutes',
      '30-capture-agent',
      '40-storage-and-query',
      '41-dissection',
      '50-keys-and-signatures',
    ].map((name) => [name, pageText(`${name}.md`)]),
  ),
};

async function printedBy(args: readonly string[]): Promise<string> {
  let printed = '';
  const collect = new Writable({
    write(chunk: Buffer, _encoding, done) {
      printed += String(chunk);
      done();
    },
  });
  const { signal } = new AbortController();
  await run(args, { input: Readable.from([]), out: collect, err: collect, env: {}, now: Date.now, signal });
  return printed.trimEnd();
}

/** What stands behind `bpfleet` in examples, those with their output, too, and in the text, up to a pipe or a comment. */
function commandsIn(text: string): string[][] {
  const fenced = /^```(\w*)\n([\s\S]*?)^```$/gm;
  const examples = [...text.matchAll(fenced)].flatMap(([, kind, block = '']) =>
    block.split('\n').filter((line) => kind === 'sh' || (kind === 'console' && line.startsWith('$ '))),
  );
  const inline = [...text.replace(fenced, '').matchAll(/`((?:[^`\n]|\n(?!\n))+)`/g)].map(([, code = '']) =>
    code.replaceAll('\n', ' '),
  );
  return [...examples, ...inline]
    .map((line) => /(?:^| )bpfleet ([a-z][^#|]*)/.exec(line)?.[1])
    .filter((line) => line !== undefined)
    .map((line) => [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? ''));
}

/** `packets` has one command below it, and takes expressions. */
const NAME = /^(?:(?:agent|filter|quarantine|store) \S+|packets show|\S+)/;

describe.each(Object.entries(PAGES))('the commands of %s', (_, text) => {
  const commands = commandsIn(text);

  it.runIf(commands.length > 0).each(commands.map((words) => [words.join(' '), words]))(
    'are there, with their options: %s',
    async (_line, words) => {
      const name = NAME.exec(words.join(' '))![0].split(' ');
      const help = await printedBy([...name, '--help']);
      expect(help).toContain(`Usage: bpfleet ${name.join(' ')}`);
      for (const option of words.filter((word) => /^--?[a-z]/.test(word)))
        expect(help).toMatch(new RegExp(`(^|[ ,])${option}[ ,\n]`, 'm'));
    },
  );
});

describe('docs/01-first-five-minutes.md', () => {
  it('shows a mistake as the command line does', async () => {
    const [, expression = '', shown] =
      /^\$ npx bpfleet filter apply dns '(.*)'\n([\s\S]*?)\n```$/m.exec(PAGES['01-first-five-minutes']!) ?? [];
    expect(await printedBy(['compile', expression])).toBe(shown);
  });
});
