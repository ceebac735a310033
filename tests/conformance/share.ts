/** Of a normal error more than this happens once in 3,500,000 times, to one side. */
const STANDARD_ERRORS = 5;

/**
 * The least and the most that a share can be of which this much was found among so many draws (Wilson's interval). A test asks
 * these for its bar: the share found among a few hundred random draws lies below a bar now and then, where the true one does not.
 * @param draws that know nothing of each other: packets for one program are one draw
 */
export function shareWithin(share: number, draws: number): { readonly least: number; readonly most: number } {
  const square = STANDARD_ERRORS ** 2;
  const middle = share + square / (2 * draws);
  const error = STANDARD_ERRORS * Math.sqrt((share * (1 - share)) / draws + square / (4 * draws ** 2));
  const scale = 1 + square / draws;
  return { least: (middle - error) / scale, most: (middle + error) / scale };
}
