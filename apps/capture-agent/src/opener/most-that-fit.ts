/**
 * How many of those in front fit together: all, or else found by halves, since each trial links and loads a program. What is
 * found fits. That one more would not is so where less never takes more room, which may be wrong by one or two: linked
 * programs share what their members have in common.
 * @param least so many fit, which is known
 */
export function mostThatFit(count: number, least: number, fits: (count: number) => boolean): number {
  if (count <= least || fits(count)) return count;
  let [fit, tooMany] = [least, count];
  while (tooMany - fit > 1) {
    const middle = (fit + tooMany) >> 1;
    if (fits(middle)) fit = middle;
    else tooMany = middle;
  }
  return fit;
}
