import type { Span } from '@bpfleet/errors';
import { syntaxFault } from '../fault.js';
import { shortened } from '../lex/lex.js';
import type { Token } from '../lex/token.js';
import { similarWord } from './similar-word.js';

const END: Token = { kind: 'end', text: '', span: { start: 0, end: 0 } };

/** Where the parser stands in the tokens. */
export class Cursor {
  #at = 0;
  /** For each token the first one from it on that is neither `(` nor `not`: it tells a value from a term. */
  readonly #core: Uint32Array;
  /** For each `(` the token behind its `)`; worked out when it is asked for. */
  #behindGroup: Uint32Array | undefined;

  constructor(private readonly tokens: readonly Token[]) {
    this.#core = new Uint32Array(tokens.length);
    for (let index = tokens.length - 1; index >= 0; index--) {
      this.#core[index] = opensTerm(tokens[index]) ? (this.#core[index + 1] ?? index) : index;
    }
  }

  /** How many tokens were read. */
  get position(): number {
    return this.#at;
  }

  peek(ahead = 0): Token {
    return this.tokens[this.#at + ahead] ?? this.tokens.at(-1) ?? END;
  }

  /** The first token from here on that is neither `(` nor `not`. */
  peekCore(): Token {
    return this.tokens[this.#core[this.#at] ?? 0] ?? END;
  }

  /** Where the cursor stands at a `(`: the token behind the `)` that closes it, or the end. */
  peekBehindGroup(): Token {
    this.#behindGroup ??= groupsOf(this.tokens);
    return this.tokens[this.#behindGroup[this.#at] ?? 0] ?? END;
  }

  /** From there to the end of the last token that was read. */
  spanFrom(start: number): Span {
    return { start, end: this.peek(-1).span.end };
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#at++;
    return token;
  }

  takeKeyword(word: string): boolean {
    if (!isKeyword(this.peek(), word)) return false;
    this.#at++;
    return true;
  }

  takeOneOf<Word extends string>(words: readonly Word[]): Word | undefined {
    const token = this.peek();
    if (token.kind !== 'keyword' || !words.includes(token.word as Word)) return undefined;
    this.#at++;
    return token.word as Word;
  }

  takeOperator(operator: string): boolean {
    if (!isOperator(this.peek(), operator)) return false;
    this.#at++;
    return true;
  }

  expectOperator(operator: string, hint: string): void {
    if (!this.takeOperator(operator)) throw unexpected(this.peek(), `“${operator}”`, hint);
  }
}

/** `(` or `not`. */
function opensTerm(token = END): boolean {
  return token.kind === 'operator' ? token.operator === '(' : token.kind === 'keyword' && token.word === 'not';
}

function groupsOf(tokens: readonly Token[]): Uint32Array {
  const behind = new Uint32Array(tokens.length).fill(tokens.length - 1);
  const open: number[] = [];
  for (const [index, token] of tokens.entries()) {
    if (isOperator(token, '(')) open.push(index);
    else if (isOperator(token, ')')) behind[open.pop() ?? index] = index + 1;
  }
  return behind;
}

export function isOperator(token: Token, operator: string): boolean {
  return token.kind === 'operator' && token.operator === operator;
}

export function isKeyword(token: Token, word: string): boolean {
  return token.kind === 'keyword' && token.word === word;
}

/** The suggestion for a word that is nearly one of the language. */
export function meant(word: string): string {
  return `“${word}”, if that is meant`;
}

export function unexpected(token: Token, expected: string, hint?: string) {
  const found = token.kind === 'end' ? 'the expression ends' : `here stands “${shortened(token.text)}”`;
  const similar = token.kind === 'name' ? similarWord(token.name) : undefined;
  return syntaxFault(token.span, `expected ${expected}, but ${found}`, similar === undefined ? hint : meant(similar));
}
