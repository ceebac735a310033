import { ANY, areDisjoint, constant, join, LENGTH, type Value } from './value.js';

/** What is known at a place of the linked program, whichever way led there. */
export interface Facts {
  /** The packet's length in bytes. */
  readonly length: Value;
  readonly a: Value;
  readonly x: Value;
  /** The words of M[] that are stored, and so may be read. */
  readonly memory: ReadonlyMap<number, Value>;
  /** The parts of the packet that were loaded, by name: they are inside it. */
  readonly parts: ReadonlyMap<string, Value>;
}

/** At the start of every program (`bpf_convert_filter` clears A and X). */
export const START: Facts = {
  length: { ...ANY, name: LENGTH },
  a: constant(0),
  x: constant(0),
  memory: new Map(),
  parts: new Map(),
};

export function joinFacts(one: Facts, other: Facts): Facts {
  return {
    length: join(one.length, other.length),
    a: join(one.a, other.a),
    x: join(one.x, other.x),
    memory: joinMaps(one.memory, other.memory),
    parts: joinMaps(one.parts, other.parts),
  };
}

function joinMaps<Key>(one: ReadonlyMap<Key, Value>, other: ReadonlyMap<Key, Value>): ReadonlyMap<Key, Value> {
  // Between two tests of a list of thousands nothing was stored or loaded.
  if (one === other) return one;
  const joined = new Map<Key, Value>();
  for (const [key, value] of one) {
    const same = other.get(key);
    if (same !== undefined) joined.set(key, join(value, same));
  }
  return joined;
}

/** Whether no packet has both; what registers and words hold does not count. */
export function exclude(one: Facts, other: Facts): boolean {
  if (areDisjoint(one.length, other.length)) return true;
  return [...one.parts].some(([name, value]) => areDisjoint(value, other.parts.get(name) ?? ANY));
}

export function stored(facts: Facts, word: number, value: Value): Facts {
  return { ...facts, memory: new Map(facts.memory).set(word, value) };
}

/** The same with A narrowed by a test, and with it everything of A's name. */
export function narrowed(facts: Facts, a: Value): Facts {
  if (a.name === undefined) return { ...facts, a };
  const also = (value: Value) => (value.name === a.name ? a : value);
  const words = [...facts.memory.values()];
  return {
    length: also(facts.length),
    a,
    x: also(facts.x),
    memory: words.some(({ name }) => name === a.name)
      ? new Map([...facts.memory].map(([word, value]) => [word, also(value)]))
      : facts.memory,
    parts: facts.parts.has(a.name) ? new Map(facts.parts).set(a.name, a) : facts.parts,
  };
}

/** The same where the packet is known to have at least so many bytes. */
export function withLength(facts: Facts, least: number): Facts {
  if (facts.length.least >= least) return facts;
  const length = { ...facts.length, least };
  return facts.a.name === LENGTH ? narrowed(facts, length) : { ...facts, length };
}

/** The same behind a load of a part of the packet, if the value is one. */
export function withPart(facts: Facts, value: Value): Facts {
  return value.name === undefined ? facts : { ...facts, parts: new Map(facts.parts).set(value.name, value) };
}

/** Where a word of this name can be had without a load from the packet. */
export function whereIs(facts: Facts, name: string): 'a' | 'x' | number | undefined {
  if (facts.a.name === name) return 'a';
  if (facts.x.name === name) return 'x';
  return [...facts.memory].find(([, value]) => value.name === name)?.[0];
}
