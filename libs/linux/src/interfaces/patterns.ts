/**
 * Whether an interface is meant by patterns such as `["eth*", "!eth9"]`: at least one pattern matches and no exclusion
 * does, in whatever order they stand. Only exclusions: everything else is meant. `*` matches any run of characters.
 */
export function matchesPatterns(patterns: readonly string[], name: string): boolean {
  const excluded = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  if (excluded.some((pattern) => matchesGlob(pattern, name))) return false;
  return excluded.length === patterns.length
    ? patterns.length > 0
    : patterns.some((pattern) => !pattern.startsWith('!') && matchesGlob(pattern, name));
}

/**
 * Finds the pieces between the stars one after the other, each at its first place. That is enough, since a star matches
 * anything, and it is linear, unlike a regular expression made of the pattern.
 */
function matchesGlob(pattern: string, name: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return name === pattern;
  if (!name.startsWith(head)) return false;
  let at = head.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return name.length - at >= tail.length && name.endsWith(tail);
}
