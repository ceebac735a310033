import { readFileSync } from 'node:fs';

/** One fenced block of a page: the words behind the fence, and its lines. */
export interface Block {
  readonly info: readonly string[];
  readonly lines: readonly string[];
}

/** The fenced blocks of `docs/NAME` whose first word is `kind`. */
export function blocksOf(name: string, kind: string): Block[] {
  const found = [...pageText(name).matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)];
  return found
    .map(([, info = '', body = '']) => ({ info: info.split(' '), lines: body.trimEnd().split('\n') }))
    .filter(({ info }) => info[0] === kind);
}

/** The text of `docs/NAME`. */
export function pageText(name: string): string {
  return readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
}
