import { BPF, MEMORY_WORDS, type Program } from '@bpfleet/bpf';
import { type Part, writeProgram } from './write-program.js';

/** Looking at more does not find more that is worth a word. */
const MOST_CANDIDATES = 64;

/**
 * Which parts of the packet are kept in words of M[] that no member uses, for the members behind. A first writing keeps all
 * that is loaded twice, in words there may not be; what then stands in for most loads gets the free ones.
 */
export function wordsWorthSharing(parts: readonly Part[]): Map<string, number> {
  const names = candidates(parts.map(({ alone }) => alone.loaded));
  const free = freeWords(parts.map(({ program }) => program));
  const trial = new Map(names.map((name, index) => [name, MEMORY_WORDS + index]));
  const reads = countOf(writeProgram(parts, 1, trial).sharedReads.flatMap((word) => names[word - MEMORY_WORDS] ?? []));
  const chosen = ranked(reads).slice(0, free.length);
  return new Map(chosen.map((name, index) => [name, free[index] as number]));
}

/** The words of M[] that no program names, last ones first: compilers begin with the first. */
function freeWords(programs: readonly Program[]): number[] {
  const named = new Set(programs.flatMap((program) => program.flatMap(({ code, k }) => (namesWord(code) ? [k] : []))));
  return Array.from({ length: MEMORY_WORDS }, (_, index) => MEMORY_WORDS - 1 - index).filter(
    (word) => !named.has(word),
  );
}

function namesWord(code: number): boolean {
  return code === BPF.ST || code === BPF.STX || code === (BPF.LD | BPF.MEM) || code === (BPF.LDX | BPF.MEM);
}

/** The parts of the packet that two members or more load, those of most members first. */
function candidates(loaded: readonly ReadonlySet<string>[]): string[] {
  const members = countOf(loaded.flatMap((names) => [...names]));
  return ranked(members)
    .filter((name) => (members.get(name) as number) > 1)
    .slice(0, MOST_CANDIDATES);
}

function countOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** The names of largest count first; equal ones in order of the name. */
function ranked(counts: ReadonlyMap<string, number>): string[] {
  return [...counts]
    .sort(([one, often], [other, oftener]) => oftener - often || (one < other ? -1 : 1))
    .map(([name]) => name);
}
