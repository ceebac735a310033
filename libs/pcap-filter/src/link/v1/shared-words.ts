import { BPF, MEMORY_WORDS, type Program } from '@bpfleet/bpf';

/** Looking at more does not find more that is worth a word. */
const MOST_CANDIDATES = 64;

/** The words of M[] that no program names, last ones first: compilers begin with the first. */
export function freeWords(programs: readonly Program[]): number[] {
  const named = new Set(programs.flatMap((program) => program.flatMap(({ code, k }) => (namesWord(code) ? [k] : []))));
  return Array.from({ length: MEMORY_WORDS }, (_, index) => MEMORY_WORDS - 1 - index).filter(
    (word) => !named.has(word),
  );
}

function namesWord(code: number): boolean {
  return code === BPF.ST || code === BPF.STX || code === (BPF.LD | BPF.MEM) || code === (BPF.LDX | BPF.MEM);
}

/** The parts of the packet that two members or more load, those of most members first. */
export function candidates(loaded: readonly ReadonlySet<string>[]): string[] {
  const members = new Map<string, number>();
  for (const name of loaded.flatMap((names) => [...names])) members.set(name, (members.get(name) ?? 0) + 1);
  return ranked(members, 2).slice(0, MOST_CANDIDATES);
}

/** Names in descending order of a count that is at least `least`; equal ones by name. */
export function ranked(counts: ReadonlyMap<string, number>, least: number): string[] {
  return [...counts]
    .filter(([, count]) => count >= least)
    .sort(([one, often], [other, oftener]) => oftener - often || (one < other ? -1 : 1))
    .map(([name]) => name);
}
