import { Ancillary, BPF, type Program, SKF_AD_OFF, withoutSize } from '@bpfleet/bpf';
import { hasCode } from '@bpfleet/errors';
import { compile } from '../compile.js';
import { decisionsOf } from './decisions.js';
import { Shapes } from './idioms/shapes.js';
import type { Form } from './idioms/terms.js';
import { refuse } from './refusal.js';
import { structure } from './structure.js';
import { Symbols } from './symbols.js';

/** Whether the program asks if the kernel keeps a VLAN tag beside the packet, as `vlan` does in the live form. */
export function asksTagBeside(program: Program): boolean {
  return program.some(
    ({ code, k }) => withoutSize(code) === (BPF.LD | BPF.ABS) && k === SKF_AD_OFF + Ancillary.VLAN_TAG_PRESENT,
  );
}

/**
 * Checks that an expression, found for packets without a tag beside them, means what the program does: of those with one,
 * and of those without, since a `vlan` in it moves what stands to its right.
 * @throws CannotSay where it does not
 */
export function checkTagBeside(program: Program, expression: string, form: Form): void {
  const again = [true, false].flatMap((optimize) => compiled(expression, { ...form, optimize }) ?? []);
  for (const tagBeside of [true, false]) {
    const symbols = new Symbols(tagBeside);
    const shapes = new Shapes(symbols);
    const shapeOf = (one: Program) => shapes.of(structure(decisionsOf(one, symbols), symbols)).id;
    const wanted = shapeOf(program);
    if (!again.some((one) => shapeOf(one) === wanted)) refuse('METADATA', undefined, OTHERWISE);
  }
}

const OTHERWISE = 'asks otherwise for a VLAN tag beside the packet than “vlan” does; no word says that';

/** Undefined where optimising finds that no packet can match. */
function compiled(expression: string, options: Form & { optimize: boolean }): [Program] | undefined {
  try {
    return [compile(expression, options).program];
  } catch (error) {
    if (hasCode(error, 'NEVER_MATCHES')) return undefined;
    throw error;
  }
}
