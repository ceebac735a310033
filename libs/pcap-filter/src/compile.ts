import { convertedLength, greatestConvertedLength, MAX_INSTRUCTIONS, type Program } from '@bpfleet/bpf';
import { BpfleetError, type Span } from '@bpfleet/errors';
import { LEAF_RANGES } from './emit/condition-tree.js';
import { emit } from './emit/emit.js';
import type { Ir } from './ir/ir.js';
import { readIpv4 } from './lex/addresses.js';
import { lex } from './lex/lex.js';
import type { Token } from './lex/token.js';
import { supportedLinkTypes } from './lower/link-types.js';
import { lower, unknownLinkType } from './lower/lower.js';
import { buildGraph, canAccept, type Graph } from './optimise/graph.js';
import { optimise } from './optimise/optimise.js';
import { parse } from './parse/parse.js';
import type { Tree } from './parse/tree.js';
import type { Meanings } from './resolve/meaning.js';
import { type NameTables, resolverOf } from './resolve/names.js';
import { resolve } from './resolve/resolve.js';
import { type Emittable, hasSets, refuseLong } from './too-long.js';

export { supportedLinkTypes };

export interface CompileOptions {
  /** Default EN10MB. */
  readonly linkType?: string;
  /** What the program returns for a packet that matches; default 262144. */
  readonly snaplenBytes?: number;
  /** Default true. Without it the program tests everything in the order of the text, as `tcpdump -O` does. */
  readonly optimize?: boolean;
  /** Whether the program runs on packets as the kernel delivers them: with the outer VLAN tag and the direction beside them. */
  readonly live?: boolean;
  /** The interface's IPv4 mask (`255.255.255.0`), for `ip broadcast` alone. */
  readonly netmask?: string | null;
  readonly names?: NameTables;
  readonly extensions?: Extensions;
}

/** Meanings beyond libpcap's; each is off unless asked for. */
export interface Extensions {
  /** What a `vlan`, `mpls`, `pppoes` or `geneve` inside parentheses shifts ends with them, instead of leaking on. */
  readonly scopedEncapsulation?: boolean;
  /** Terms match inside up to two VLAN tags without saying `vlan`. */
  readonly vlanTransparent?: boolean;
  /** Transport protocols, ports and `tcp[…]` are also found behind up to so many IPv6 extension headers. */
  readonly ipv6ExtensionHeaders?: number;
}

/** What each stage made of the expression; `printStages` shows them. */
export interface Stages {
  readonly tokens: readonly Token[];
  readonly tree: Tree;
  readonly resolved: Meanings;
  readonly ir: Ir;
  /** The plain decision graph where optimising was not asked for. */
  readonly optimised: Graph;
}

export interface Compilation {
  readonly program: Program;
  readonly stages: Stages;
}

const DEFAULT_SNAPLEN_BYTES = 262_144;
export const builtInNames = resolverOf();

/**
 * Compiles a pcap-filter expression to a classic BPF program with libpcap's meaning.
 * @throws BpfleetError `FILTER_SYNTAX` or `FILTER_UNSUPPORTED` with the span of the fault, `NEVER_MATCHES` when no packet
 *   can match (only when optimising), `FILTER_TOO_LARGE` when the kernel would not take the program, `REQUEST_INVALID` for options that are none
 */
export function compile(expression: string, options: CompileOptions = {}): Compilation {
  const { emittable, ...compilation } = compiled(expression, options);
  blamingAllOf(expression, () => refuseLong(compilation.program, emittable));
  return compilation;
}

/**
 * As `compile`, for machines outside the kernel, which take programs of any length.
 * @throws BpfleetError as `compile`; `FILTER_TOO_LARGE` only for what no target has room for
 */
export function compileOfAnyLength(expression: string, options: CompileOptions = {}): Compilation {
  const { program, stages } = compiled(expression, options);
  return { program, stages };
}

function compiled(expression: string, options: CompileOptions): Compilation & { emittable: Emittable } {
  const { stages, plain, emittable } = analyse(expression, options);
  const program = blamingAllOf(expression, () =>
    emittable.reuseRegisters ? emitCheapest(plain, emittable) : emitToFit(emittable),
  );
  return { program, stages, emittable };
}

/** All stages before the last, which differs from target to target. */
export function analyse(expression: string, options: CompileOptions) {
  const { snaplenBytes = DEFAULT_SNAPLEN_BYTES, optimize = true, names, extensions } = options;
  checkSnaplen(snaplenBytes);
  checkHeaders(extensions?.ipv6ExtensionHeaders ?? 0);
  const tokens = lex(expression);
  const tree = parse(tokens);
  const resolved = resolve(tree, names === undefined ? builtInNames : resolverOf(names));
  const lowerOptions = lowerOptionsOf(options);
  // No part of the expression is to blame for it.
  if (!supportedLinkTypes.includes(lowerOptions.linkType)) throw unknownLinkType(lowerOptions.linkType);
  const ir = blamingAllOf(expression, () => lower(resolved, lowerOptions));
  const { graph: plain, steps } = buildGraph(ir);
  const optimised = optimize ? optimise(plain, steps) : plain;
  if (optimize && !canAccept(optimised)) throw neverMatches(expression, tree);
  const stages: Stages = { tokens, tree, resolved, ir, optimised };
  const emittable: Emittable = { graph: optimised, steps, snaplenBytes, reuseRegisters: optimize };
  return { stages, plain, emittable };
}

/** What a plain program costs at least: every node loads anew. A load from the packet is converted to nine instructions or more. */
function leastPlainCost({ nodes }: Graph): number {
  let cost = 0;
  for (const { step } of nodes) {
    cost += 2;
    for (const { value } of step.loads) if (value.kind === 'load') cost += 8;
  }
  return cost;
}

/** Optimising must never make a program dearer, whatever jumps over more than 255 instructions may add. */
function emitCheapest(plain: Graph, emittable: Emittable): Program {
  const best = emitToFit(emittable);
  if (plain.nodes.length > MAX_INSTRUCTIONS || best.length > MAX_INSTRUCTIONS) return best;
  const plainCost = leastPlainCost(plain);
  const isCheapest = greatestConvertedLength(best) <= plainCost || convertedLength(best) <= plainCost;
  return isCheapest ? best : cheaperOf(best, emitToFit({ ...emittable, graph: plain, reuseRegisters: false }));
}

function cheaperOf(best: Program, other: Program): Program {
  return convertedLength(other) < convertedLength(best) ? other : best;
}

/** Sets are found fast where that fits into a program, else with fewer instructions. */
function emitToFit({ graph, steps, ...options }: Emittable): Program {
  const program = emit(graph, steps, { ...options, leafRanges: LEAF_RANGES.fast });
  if (program.length <= MAX_INSTRUCTIONS || !hasSets(graph)) return program;
  const small = emit(graph, steps, { ...options, leafRanges: LEAF_RANGES.small });
  return small.length < program.length ? small : program;
}

export function lowerOptionsOf({ linkType = 'EN10MB', live = false, netmask, extensions = {} }: CompileOptions) {
  return {
    linkType: linkType.toUpperCase(),
    live,
    netmask: netmaskOf(netmask),
    scopedEncapsulation: extensions.scopedEncapsulation ?? false,
    vlanTransparent: extensions.vlanTransparent ?? false,
    ipv6ExtensionHeaders: extensions.ipv6ExtensionHeaders ?? 0,
  };
}

function netmaskOf(netmask: CompileOptions['netmask']): number | undefined {
  return netmask === undefined || netmask === null ? undefined : readNetmask(netmask);
}

function readNetmask(netmask: string): number {
  const read = /^\d{1,3}(\.\d{1,3}){3}$/.test(netmask) ? readIpv4(netmask) : undefined;
  if (read !== undefined) return read.address;
  throw new BpfleetError('REQUEST_INVALID', `“${netmask.slice(0, 40)}” is no IPv4 mask`, { hint: '255.255.255.0' });
}

function checkSnaplen(snaplenBytes: number): void {
  if (!(Number.isInteger(snaplenBytes) && snaplenBytes > 0 && snaplenBytes <= 0xffff_ffff))
    throw noSnaplen(snaplenBytes);
}

function noSnaplen(snaplenBytes: number): BpfleetError {
  return new BpfleetError('REQUEST_INVALID', `a snaplen is a whole number of bytes from 1 on, not ${snaplenBytes}`);
}

const MAX_EXTENSION_HEADERS = 16;

function checkHeaders(count: number): void {
  if (Number.isInteger(count) && count >= 0 && count <= MAX_EXTENSION_HEADERS) return;
  throw new BpfleetError(
    'REQUEST_INVALID',
    `IPv6 extension headers are a whole number from 0 to ${MAX_EXTENSION_HEADERS}, not ${count}`,
  );
}

/** What stages without spans refuse is the fault of the whole expression. */
export function blamingAllOf<Result>(expression: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw blamed(error, expression);
  }
}

function blamed(error: unknown, expression: string): unknown {
  if (!(error instanceof BpfleetError) || error.span !== undefined) return error;
  if (error.code !== 'FILTER_TOO_LARGE' && error.code !== 'FILTER_UNSUPPORTED') return error;
  return new BpfleetError(error.code, error.message, { ...wholeOf(expression), ...hintOf(error), cause: error });
}

function wholeOf(expression: string): { span: Span } {
  return { span: { start: 0, end: expression.length } };
}

function hintOf({ hint }: BpfleetError): { hint?: string } {
  return hint === undefined ? {} : { hint };
}

function neverMatches(expression: string, tree: Tree): BpfleetError {
  const hint = neverMatchesHint(tree);
  return new BpfleetError('NEVER_MATCHES', 'no packet can match this expression', {
    ...wholeOf(expression),
    ...(hint !== undefined && { hint }),
  });
}

function neverMatchesHint(tree: Tree): string | undefined {
  switch (tree?.kind) {
    case 'leaf':
      return 'a number that fits: one byte is at most 255, two are at most 65535, none is below 0';
    case 'chain':
      return tree.rest.some(({ operator }) => operator === 'or')
        ? '“and” and “or” bind alike, from left to right; set parentheses: tcp port (80 or 443) and host 10.0.0.7'
        : 'all terms must hold of one packet; if one is enough, join them by “or”';
    default:
      return undefined;
  }
}
