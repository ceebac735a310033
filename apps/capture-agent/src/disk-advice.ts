/** An errno as Node and `SystemCallError` put it into their messages, which are all that comes from another thread. */
const STANDS_IN_THE_WAY = /(^|: )(EISDIR|ENOTDIR|EEXIST|ELOOP|ENXIO)[:,]/;

/** What to do where a file could not be kept for that reason: where another kind of thing stands there, no disk is at fault. */
export const diskAdvice = (reason: string, otherwise = 'free space on its disk, or make it writable'): string =>
  STANDS_IN_THE_WAY.test(reason) ? 'move away what stands in its place' : otherwise;
