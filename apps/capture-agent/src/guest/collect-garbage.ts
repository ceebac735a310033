import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let gc = globalThis.gc;

/**
 * Has V8 free what nobody uses any more, in the calling thread: some 50 ms. By itself it waits until there is much more of it, since
 * it does not know the agent's budget.
 */
export function collectGarbage(): void {
  gc ??= exposed();
  gc?.();
}

/** Where Node was started without `--expose-gc`. */
function exposed(): typeof globalThis.gc {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as typeof globalThis.gc;
}
