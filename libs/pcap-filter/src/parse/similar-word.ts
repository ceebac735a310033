import { keywords } from '../lex/keywords.js';

const words = [...keywords.keys()];

/** The word of the language that a name was perhaps meant to be: one letter off, of long words two. */
export function similarWord(name: string): string | undefined {
  if (name.length < 2 || name.length > 16) return undefined;
  const lower = name.toLowerCase();
  let nearest: { word: string; distance: number } | undefined;
  for (const word of words) {
    const most = word.length > 4 ? 2 : 1;
    const limit = Math.min(most, (nearest?.distance ?? 3) - 1);
    if (Math.abs(word.length - lower.length) > limit || word.length < 2) continue;
    const distance = distanceOf(lower, word);
    // Of short words everything is one letter off: only one that is longer than the fault counts.
    if (distance <= limit && distance < word.length - 1) nearest = { word, distance };
  }
  return nearest?.word;
}

/** How many letters must be put in, taken out, replaced or exchanged with their neighbour (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row++) {
    const [before = [], current] = [rows[row - 1], [row]];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      const isTurned = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        (before[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (before[column - 1] ?? 0) + (isSame ? 0 : 1),
        isTurned ? (rows[row - 2]?.[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    rows.push(current);
  }
  return rows[a.length]?.[b.length] ?? 0;
}
