import { ANY, constant, join, LENGTH, type Value } from './value.js';

/** What is known at a place of the linked program, whichever way led there. */
export interface Facts {
  /** The packet's length in bytes. */
  readonly length: Value;
  readonly a: Value;
  readonly x: Value;
  /** The words of M[] of which anything is known; only stored ones are here, and may be read. */
  readonly memory: ReadonlyMap<number, Value>;
}

/** At the start of every program (`bpf_convert_filter` clears A and X). */
export const START: Facts = {
  length: { ...ANY, name: LENGTH },
  a: constant(0),
  x: constant(0),
  memory: new Map(),
};

export function joinFacts(one: Facts, other: Facts): Facts {
  const memory = new Map<number, Value>();
  for (const [word, value] of one.memory) {
    const same = other.memory.get(word);
    if (same !== undefined) memory.set(word, join(value, same));
  }
  return {
    length: join(one.length, other.length),
    a: join(one.a, other.a),
    x: join(one.x, other.x),
    memory,
  };
}

export function stored(facts: Facts, word: number, value: Value): Facts {
  return { ...facts, memory: new Map(facts.memory).set(word, value) };
}

/** The same with A narrowed by a test, and with it every word of A's name. */
export function narrowed(facts: Facts, a: Value): Facts {
  if (a.name === undefined) return { ...facts, a };
  const also = (value: Value) => (value.name === a.name ? a : value);
  return {
    length: also(facts.length),
    a,
    x: also(facts.x),
    memory: new Map([...facts.memory].map(([word, value]) => [word, also(value)])),
  };
}

/** The same where the packet is known to have at least so many bytes. */
export function withLength(facts: Facts, least: number): Facts {
  if (facts.length.least >= least) return facts;
  const length = { ...facts.length, least };
  return facts.a.name === LENGTH ? narrowed(facts, length) : { ...facts, length };
}

/** Where a word of this name can be had without a load from the packet. */
export function whereIs(facts: Facts, name: string): 'a' | 'x' | number | undefined {
  if (facts.a.name === name) return 'a';
  if (facts.x.name === name) return 'x';
  return [...facts.memory].find(([, value]) => value.name === name)?.[0];
}
