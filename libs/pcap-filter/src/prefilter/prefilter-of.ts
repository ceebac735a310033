import { analyse, type CompileOptions } from '../compile.js';
import { canAccept } from '../optimise/graph.js';
import { derive } from './derive.js';
import { limited } from './join.js';
import { ALL, NONE, type Prefilter } from './prefilter.js';

/** A condition that asks for more tokens costs more than what it spares. */
const MOST_TOKENS = 4096;

/**
 * What the store can ask its index before it looks at packets: no packet that the compiled program accepts, or leaves
 * undecided, is missed by it. See `PrefilterToken` for what an index must hold for that.
 * @param options the same as for `compile`; the prefilter of another link type or form is another one
 * @throws BpfleetError what `compile` throws; but a list too long for a program is no fault here
 */
export function prefilterOf(expression: string, options: CompileOptions = {}): Prefilter {
  const { resolved, optimised } = analyse(expression, options).stages;
  if (!canAccept(optimised)) return NONE;
  if (resolved === undefined) return ALL;
  const { scopedEncapsulation = false, vlanTransparent = false } = options.extensions ?? {};
  const isEthernet = (options.linkType ?? 'EN10MB').toUpperCase() === 'EN10MB';
  const needed = derive(resolved, { scopedEncapsulation, vlanTransparent: vlanTransparent && isEthernet });
  return limited(needed, MOST_TOKENS);
}
