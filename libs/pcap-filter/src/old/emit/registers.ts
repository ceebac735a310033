import { BPF, type Instruction, statement } from '@bpfleet/bpf';
import { ALL_BITS, fieldKey, type Load, type Test } from '../lower/ir.js';
import type { Graph, Node, Target } from '../optimise/graph.js';

/** What stands in A and X where a node begins; undefined: unknown. */
interface Registers {
  /** `fieldKey` and mask of what A holds. */
  readonly a: { readonly key: string; readonly mask: number } | undefined;
  /** The offset of the IPv4 header whose length X holds. */
  readonly x: number | undefined;
}

const UNKNOWN: Registers = { a: undefined, x: undefined };

/**
 * The instructions that bring each node's masked field into A. With `reuse`, what already stands in A or X on every
 * way to the node is not loaded again.
 */
export function loadsOf({ nodes, entry }: Graph, reuse: boolean): Instruction[][] {
  const registersAt: (Registers | undefined)[] = new Array(nodes.length);
  const arrive = (target: Target, registers: Registers) => {
    const before = registersAt[target];
    if (target >= 0) registersAt[target] = before === undefined ? registers : meet(before, registers);
  };
  arrive(entry, UNKNOWN);
  return nodes.map((node: Node, index) => {
    const before = (reuse ? registersAt[index] : undefined) ?? UNKNOWN;
    const { instructions, after } = bringIn(neededOf(node), before);
    arrive(node.yes, after);
    arrive(node.no, after);
    return instructions;
  });
}

/** Where both ways are one, the field is loaded only to see that it is there, so its mask does not matter. */
function neededOf({ test, yes, no }: Node): Test {
  return yes === no ? { ...test, mask: ALL_BITS } : test;
}

function meet(one: Registers, other: Registers): Registers {
  const sameA = one.a?.key === other.a?.key && one.a?.mask === other.a?.mask;
  return { a: sameA ? one.a : undefined, x: one.x === other.x ? one.x : undefined };
}

function bringIn({ field, mask }: Test, before: Registers): { instructions: Instruction[]; after: Registers } {
  const key = fieldKey(field);
  if (before.a?.key === key && before.a.mask === mask) return { instructions: [], after: before };
  const instructions: Instruction[] = [];
  let { x } = before;
  if (before.a?.key !== key || before.a.mask !== ALL_BITS) {
    if (field.kind === 'length') {
      instructions.push(statement(BPF.LD | BPF.W | BPF.LEN));
    } else {
      if (field.base.kind === 'ipv4-payload' && field.base.at !== x) {
        x = field.base.at;
        instructions.push(statement(BPF.LDX | BPF.B | BPF.MSH, x));
      }
      instructions.push(statement(loadCode(field), field.offset));
    }
  }
  if (mask !== ALL_BITS) instructions.push(statement(BPF.ALU | BPF.AND | BPF.K, mask));
  return { instructions, after: { a: { key, mask }, x } };
}

function loadCode({ size, base }: Load): number {
  const mode = base.kind === 'packet' ? BPF.ABS : BPF.IND;
  return BPF.LD | mode | (size === 4 ? BPF.W : size === 2 ? BPF.H : BPF.B);
}
