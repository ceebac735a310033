/** Registers that calls of helpers preserve; r10 is the frame pointer. */
export const CONTEXT = 6;
export const A = 7;
export const X = 8;
/** How many bytes of the region the packet has. */
export const HAVE = 9;
export const FRAME = 10;
/** M[0] to M[15] lie right below the frame pointer, then a word for single loads, then the region. */
export const MEMORY = -64;
export const SCRATCH = -72;
