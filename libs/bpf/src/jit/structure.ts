import type { Instruction } from '../instruction.js';
import { immediateDominators } from './dominators.js';
import { type Block, type BlockId, type Case, type Exit, entries, flowGraph } from './flow-graph.js';
import { answerCode, conditionCode, constantOf, returnCode, statementCode } from './instruction-code.js';
import { loadEnd, provenLengths } from './proven-length.js';

/** Deeper nesting than this is left to the interpreter: engines parse blocks recursively. */
const DEEPEST = 500;
/** A binary search ends in at most so many tests for equality. */
const LEAF_TESTS = 4;

/**
 * The body of a JavaScript function that does what the program does; undefined where it would nest too deep.
 *
 * Ways only lead onwards, so `if`, labelled blocks and `break` say everything (Ramsey, "Beyond Relooper"): a block entered
 * from one place stands right there; one entered from several stands behind a labelled block around them all, at the end
 * of its dominator's code, and `break` leads to it. Blocks that only return are repeated wherever they are needed. Of two
 * branches the smaller is nested and the larger follows it, so that even 4,000 tests in a row nest shallowly.
 */
export function functionBody(program: readonly Instruction[]): string | undefined {
  return bodyOf(flowGraph(program));
}

/** What the caller of a body has made sure of. */
export interface Prepared {
  /** The packet has so many. */
  readonly leastBytes: number;
  /** Locals that hold what absolute loads give, by `wordKey`. */
  readonly words: ReadonlyMap<string, string>;
}

export const nothingPrepared: Prepared = { leastBytes: 0, words: new Map() };

/** The same of blocks. */
export function bodyOf(blocks: readonly Block[], prepared = nothingPrepared): string | undefined {
  const writer = new StructureWriter(blocks, prepared);
  return writer.write() ? writer.text() : undefined;
}

class StructureWriter {
  readonly #lines: string[] = [];
  readonly #entered: Uint32Array;
  readonly #proven: Float64Array;
  /** Of each block: those behind its labelled blocks, the first to come first. */
  readonly #merges: readonly BlockId[][];
  readonly #weight: Float64Array;
  #depth = 0;
  #deepest = 0;

  constructor(
    private readonly blocks: readonly Block[],
    private readonly prepared: Prepared,
  ) {
    this.#entered = entries(blocks);
    this.#proven = provenLengths(blocks, prepared.leastBytes);
    const dominators = immediateDominators(blocks);
    this.#merges = blocks.map(() => []);
    this.#weight = new Float64Array(blocks.length).fill(1);
    for (let id = blocks.length - 1; id > 0; id--) {
      const dominator = dominators[id] as BlockId;
      if (dominator === -1) continue;
      this.#weight[dominator]! += this.#weight[id]!;
      if (this.#isMerge(id)) this.#merges[dominator]?.unshift(id);
    }
  }

  write(): boolean {
    this.#from(0);
    return this.#deepest <= DEEPEST;
  }

  text(): string {
    return this.#lines.join('\n');
  }

  /** Writes a block and everything it dominates; every way through it ends in `return` or `break`. */
  #from(first: BlockId): void {
    const pending: BlockId[] = [];
    let next: BlockId | undefined = first;
    while (next !== undefined) {
      for (const merge of this.#merges[next]?.toReversed() ?? []) {
        this.#open(`L${merge}: {`);
        pending.push(merge);
      }
      this.#statements(next);
      next = this.#exit((this.blocks[next] as Block).exit);
      if (next === undefined && pending.length > 0) {
        this.#close();
        next = pending.pop();
      }
    }
  }

  #statements(id: BlockId): void {
    let proven = this.#proven[id] as number;
    for (const instruction of this.blocks[id]?.body ?? []) {
      this.#lines.push(statementCode(instruction, proven, this.prepared.words));
      proven = Math.max(proven, loadEnd(instruction));
    }
  }

  /** Answers the block to write next, right behind, if any. */
  #exit(exit: Exit): BlockId | undefined {
    switch (exit.kind) {
      case 'return':
        this.#lines.push(returnCode(exit.instruction));
        return undefined;
      case 'go':
        return this.#go(exit.to);
      case 'branch': {
        const answer = answerCode(exit.instruction, this.#constant(exit.whenTrue), this.#constant(exit.whenFalse));
        if (answer !== undefined) {
          this.#lines.push(answer);
          return undefined;
        }
        const condition = conditionCode(exit.instruction);
        if (this.#size(exit.whenTrue) <= this.#size(exit.whenFalse)) {
          this.#nest(`if (${condition}) {`, exit.whenTrue);
          return this.#go(exit.whenFalse);
        }
        this.#nest(`if (!(${condition})) {`, exit.whenFalse);
        return this.#go(exit.whenTrue);
      }
      case 'switch':
        this.#search(firstOfEach(exit.cases));
        return this.#go(exit.otherwise);
    }
  }

  /** A balanced search for A among the cases; where it finds none it comes out behind. */
  #search(cases: readonly Case[]): void {
    if (cases.length <= LEAF_TESTS) {
      for (const { value, to } of cases) this.#nest(`if (a === ${value}) {`, to);
      return;
    }
    const middle = cases.length >> 1;
    this.#open(`if (a < ${cases[middle]?.value}) {`);
    this.#search(cases.slice(0, middle));
    this.#close();
    this.#open('else {');
    this.#search(cases.slice(middle));
    this.#close();
  }

  #nest(head: string, id: BlockId): void {
    this.#open(head);
    const inline = this.#go(id);
    if (inline !== undefined) this.#from(inline);
    this.#close();
  }

  /** Writes the way to a block, or answers it if it must be written there itself. */
  #go(id: BlockId): BlockId | undefined {
    const { body, exit } = this.blocks[id] as Block;
    if (body.length === 0 && exit.kind === 'return') {
      this.#lines.push(returnCode(exit.instruction));
      return undefined;
    }
    if (!this.#isMerge(id)) return id;
    this.#lines.push(`break L${id};`);
    return undefined;
  }

  /** What a block returns that does nothing else, where it is a constant. */
  #constant(id: BlockId): number | undefined {
    const { exit } = this.blocks[id] as Block;
    return this.#isBareReturn(id) && exit.kind === 'return' ? constantOf(exit.instruction) : undefined;
  }

  /** How much is written where a way to this block is written. */
  #size(id: BlockId): number {
    return this.#isMerge(id) || this.#isBareReturn(id) ? 0 : (this.#weight[id] as number);
  }

  #isMerge(id: BlockId): boolean {
    return (this.#entered[id] as number) > 1 && !this.#isBareReturn(id);
  }

  #isBareReturn(id: BlockId): boolean {
    const { body, exit } = this.blocks[id] as Block;
    return body.length === 0 && exit.kind === 'return';
  }

  #open(head: string): void {
    this.#lines.push(head);
    this.#depth++;
    this.#deepest = Math.max(this.#deepest, this.#depth);
  }

  #close(): void {
    this.#lines.push('}');
    this.#depth--;
  }
}

/** Sorted as the signed numbers A is kept in; of equal values only the first counts. */
function firstOfEach(cases: readonly Case[]): Case[] {
  const first = new Map<number, BlockId>();
  for (const { value, to } of cases) if (!first.has(value | 0)) first.set(value | 0, to);
  return [...first].map(([value, to]) => ({ value, to })).sort((one, other) => one.value - other.value);
}
