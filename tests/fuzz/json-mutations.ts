import type { Random } from '../conformance/random.js';
import { type Inputs, Mutations } from './mutations.js';

/** Written as text: some are more than a number of JavaScript holds, or a name that objects have anyway. */
const VALUES = [
  ...['null', 'true', '0', '-1', '-0', '1.5', '1e999', '1e15', '9007199254740993', '4294967296', '65536', '256'],
  ...['""', '"a"', '"\\ud800"', '"\\u0000"', '"=="', '"AAAA"', '"2026-01-01T00:00:00Z"', '"2026-99-99T00:00:00Z"'],
  ...['[]', '[[]]', '{}', '{"__proto__":{"a":1}}', `"${'x'.repeat(70_000)}"`, '['.repeat(5_000) + ']'.repeat(5_000)],
];
const NAMES = ['__proto__', 'constructor', 'toString', '', 'length', '0'];
const BYTES_CHANGED_PERCENT = 30;

/** A value that is written in its place. */
class Verbatim {
  constructor(readonly text: string) {}
}
type Json = Verbatim | null | boolean | number | string | Json[] | { [name: string]: Json };

/** Documents of which members are other values, missing, more, or somewhere else; and some that are no JSON any more. */
export class JsonMutations implements Inputs {
  readonly #bytes: Mutations;
  readonly #valid: readonly string[];

  constructor(
    private readonly random: Random,
    valid: readonly Uint8Array[],
  ) {
    this.#bytes = new Mutations(random, valid);
    this.#valid = valid.map((bytes) => Buffer.from(bytes).toString());
  }

  next(): Uint8Array {
    const { random } = this;
    if (random.chance(BYTES_CHANGED_PERCENT)) return this.#bytes.next();
    let document = JSON.parse(random.of(this.#valid)) as Json;
    for (let changes = random.of([1, 1, 1, 2, 3]); changes > 0; changes--) document = this.#changed(document, document);
    return Buffer.from(written(document));
  }

  /** One place in it changed, deep ones rather than shallow ones. */
  #changed(value: Json, document: Json): Json {
    const { random } = this;
    if (typeof value !== 'object' || value === null || value instanceof Verbatim || random.chance(15)) {
      return this.#other(value, document);
    }
    if (Array.isArray(value)) {
      const at = random.below(value.length + 1);
      if (at === value.length) return [...value, ...value.slice(random.below(at + 1))];
      return random.chance(20) ? value.toSpliced(at, 1) : value.with(at, this.#changed(value[at]!, document));
    }
    const names = Object.keys(value);
    const name = random.chance(10) || names.length === 0 ? random.of([...NAMES, ...names]) : random.of(names);
    const { [name]: before = null, ...rest } = value;
    return random.chance(15) ? rest : named(rest, name, this.#changed(before, document));
  }

  #other(value: Json, document: Json): Json {
    const { random } = this;
    if (typeof value === 'number' && random.chance(50)) return value + random.of([-1, 1, 0.5, 2 ** 31, 2 ** 53]);
    if (typeof value === 'string' && random.chance(60)) {
      const at = random.below(value.length + 1);
      return (
        value.slice(0, at) + random.of(['', '\0', '\ud800', 'ü', '=', ' ', value]) + value.slice(at + random.below(3))
      );
    }
    return random.chance(10) ? document : new Verbatim(random.of(VALUES));
  }
}

/** As an own member, `__proto__` too. */
function named(rest: { [name: string]: Json }, name: string, value: Json): Json {
  return Object.defineProperty({ ...rest }, name, { value, enumerable: true, configurable: true, writable: true });
}

function written(value: Json): string {
  if (value instanceof Verbatim) return value.text;
  if (Array.isArray(value)) return `[${value.map(written).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)}:${written(member)}`)
    .join()}}`;
}
