import { BPF, type Instruction, jump, SET_TEST } from '@bpfleet/bpf';
import { ALL_BITS, contains, onlyMissing, onlyValue, type Ranges } from '../ir/ranges.js';
import { dropUnreachable } from '../optimise/drop-unreachable.js';
import type { Graph, Node, StepTable, Target, Ways } from '../optimise/graph.js';
import { mergeBy } from '../optimise/merge-equal.js';
import type { AssignStep, Step, TestStep } from '../optimise/step.js';
import { alignedMask, type Decision, decisionOf } from './condition-tree.js';
import { checkMemory } from './memory.js';
import { meetRegisters, RegisterCode, type Registers, UNKNOWN, type Words } from './registers.js';

/** Instructions, and the conditional jump behind them, whose distances come last; without one both ways are the same. */
export interface Block extends Ways {
  readonly instructions: readonly Instruction[];
  readonly condition: Instruction | undefined;
}

/** A node as code: what it does, then what it asks of A. */
interface Coded {
  readonly instructions: readonly Instruction[];
  readonly decision: Decision | undefined;
}

export interface BlockOptions {
  /** Whether registers that hold a value already are used, and equal code stands once. */
  readonly reuse: boolean;
  readonly words: Words;
  readonly leafRanges: number;
  /** Which sets are looked up at once; see `SetPool`. */
  readonly setOf?:
    | ((within: Ranges) => { readonly number: number; readonly isOpposite: boolean } | undefined)
    | undefined;
}

/** The graph as code. */
export function blocksOf(graph: Graph, table: StepTable, options: BlockOptions): Graph<Block> {
  const coded = codeOf(graph, table, options);
  const blocks = new BlockList();
  // From the end, since a condition's two ways on must be there before it.
  const blockOf = new Map<Target, Target>();
  const follow = (target: Target) => (target < 0 ? target : (blockOf.get(target) ?? target));
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    const node = graph.nodes[index];
    const code = coded[index];
    if (node === undefined || code === undefined) continue;
    blockOf.set(index, blocks.add(code, follow(node.yes), follow(node.no)));
  }
  const found = blocks.finish(follow(graph.entry));
  return options.reuse ? dropUnreachable(mergeBy(found, keyOf)) : found;
}

/** Blocks in the order in which they are made: the program's, backwards. */
class BlockList {
  readonly #backwards: Block[] = [];

  /** The block that begins the node's code. */
  add({ instructions, decision }: Coded, yes: Target, no: Target): Target {
    if (decision === undefined || yes === no) {
      return this.#push({ instructions, condition: undefined, yes, no: yes });
    }
    const first = this.#compare(decision, yes, no, instructions);
    if (typeof decision === 'object') return first;
    return instructions.length === 0
      ? first
      : this.#push({ instructions, condition: undefined, yes: first, no: first });
  }

  finish(entry: Target): Graph<Block> {
    const last = this.#backwards.length - 1;
    const turned = (target: Target) => (target < 0 ? target : last - target);
    const nodes = this.#backwards
      .reverse()
      .map(({ instructions, condition, yes, no }) => ({ instructions, condition, yes: turned(yes), no: turned(no) }));
    return { nodes, entry: turned(entry) };
  }

  #compare(decision: Decision, yes: Target, no: Target, instructions: readonly Instruction[] = []): Target {
    if (typeof decision === 'boolean') return decision ? yes : no;
    // What is asked next stands next: the upper half of a tree behind its lower half.
    const onYes = this.#compare(decision.yes, yes, no);
    const onNo = this.#compare(decision.no, yes, no);
    const condition = jump(BPF.JMP | decision.code, decision.k, 0, 0);
    return this.#push({ instructions, condition, yes: onYes, no: onNo });
  }

  #push(block: Block): Target {
    return this.#backwards.push(block) - 1;
  }
}

/** Nodes come in program order, so one sweep knows what stands in the registers where each begins. */
function codeOf({ nodes, entry }: Graph, table: StepTable, options: BlockOptions): Coded[] {
  const { reuse, words } = options;
  const registersAt: (Registers | undefined)[] = new Array(nodes.length);
  const arrive = (target: Target, registers: Registers) => {
    if (target < 0) return;
    const before = registersAt[target];
    registersAt[target] = before === undefined ? registers : meetRegisters(before, registers);
  };
  arrive(entry, UNKNOWN);
  const questions = questionsByValue(nodes, options);
  return nodes.map((node, index) => {
    const code = new RegisterCode(table.values, words, (reuse ? registersAt[index] : undefined) ?? UNKNOWN);
    const decision = codeStep(node, code, words, questions);
    checkMemory(code.wordsUsed);
    arrive(node.yes, code.registers);
    arrive(node.no, code.registers);
    return { instructions: code.instructions, decision };
  });
}

function codeStep(
  { step, yes, no }: Node,
  code: RegisterCode,
  words: Words,
  questions: Questions,
): Decision | undefined {
  if (step.kind === 'assign') return codeAssign(step, code, words, questions);
  if (step.kind === 'test' && yes !== no) return codeTest(step, code, questions);
  if (step.kind === 'test') {
    code.toA(step.value);
    return undefined;
  }
  code.toAAndX(step.left, step.right);
  return { kind: 'comparison', code: COMPARE[step.comparison] | BPF.X, k: 0, yes: true, no: false };
}

function codeAssign({ value, slot }: AssignStep, code: RegisterCode, words: Words, questions: Questions): undefined {
  code.toA(value);
  code.store(words.wordOfSlot(slot));
  // A holds the slot's number as well, but the value is the better name: it is asked for again.
  const { a, x } = code.registers;
  const isStale = (id: number | undefined) => id !== undefined && questions.readsSlot(id, slot);
  code.registers = { a: isStale(a?.id) ? undefined : a, x: isStale(x) ? undefined : x };
}

const COMPARE = { eq: BPF.JEQ, gt: BPF.JGT, ge: BPF.JGE } as const;

function codeTest({ value, mask, within, only }: TestStep, code: RegisterCode, questions: Questions): Decision {
  if (mask === ALL_BITS) {
    const block = only === undefined && questions.isAskedOnce(value.id) ? alignedMask(within) : undefined;
    code.toA(value, block);
    return block === undefined
      ? setDecision(within, value.largest, questions)
      : { kind: 'comparison', code: BPF.JEQ, k: within[0] ?? 0, yes: true, no: false };
  }
  const bits = anyBit(mask, within);
  if (bits !== undefined) {
    code.toA(value);
    return { kind: 'comparison', code: BPF.JSET, k: mask, yes: bits, no: !bits };
  }
  code.toA(value, mask);
  return setDecision(within, mask, questions);
}

function setDecision(within: Ranges, largest: number, { leafRanges, setOf }: Questions): Decision {
  const set = setOf?.(within);
  if (set === undefined) return decisionOf(within, largest, leafRanges);
  return { kind: 'comparison', code: SET_TEST, k: set.number, yes: !set.isOpposite, no: set.isOpposite };
}

/** Whether the set says "any of these bits" (true) or "none of them" (false). */
function anyBit(mask: number, within: TestStep['within']): boolean | undefined {
  if (onlyValue(within) === 0) return false;
  const zero = onlyMissing(within) === 0;
  const isSingleBit = (mask & (mask - 1)) === 0 && contains(within, mask) && !contains(within, 0);
  return zero || isSingleBit ? true : undefined;
}

interface Questions extends Pick<BlockOptions, 'leafRanges' | 'setOf'> {
  isAskedOnce(id: number): boolean;
  readsSlot(id: number, slot: number): boolean;
}

/** A mask destroys what is in A, so it is only put on values that nobody asks for again. */
function questionsByValue(nodes: readonly Node[], { leafRanges, setOf }: BlockOptions): Questions {
  const count = new Map<number, number>();
  const slots = new Map<number, readonly number[]>();
  for (const { step } of nodes) {
    for (const value of readBy(step)) {
      count.set(value.id, (count.get(value.id) ?? 0) + 1);
      if (value.slots.length > 0) slots.set(value.id, value.slots);
    }
  }
  return {
    leafRanges,
    setOf,
    isAskedOnce: (id) => (count.get(id) ?? 0) < 2,
    // What is not read by a step itself may be part of one: then nothing is known of it.
    readsSlot: (id, slot) => !count.has(id) || (slots.get(id)?.includes(slot) ?? false),
  };
}

function readBy(step: Step) {
  return step.kind === 'compare' ? [step.left, step.right] : [step.value];
}

/**
 * Blocks of the same code are one whatever A holds when they begin: of `dst port 53 or 80` the comparisons are the same
 * for IPv4 and IPv6, once the port is loaded.
 */
function keyOf({ instructions, condition }: Block): string {
  let key = condition === undefined ? '' : `${condition.code},${condition.k}`;
  for (const { code, k } of instructions) key += `;${code},${k}`;
  return key;
}
