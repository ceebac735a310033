import { convertedLength, MAX_INSTRUCTIONS, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { tooLargeFault } from './fault.js';
import { lex } from './lex/lex.js';
import type { Token } from './lex/token.js';
import { emit } from './old/emit/emit.js';
import type { Ir } from './old/lower/ir.js';
import { ethernet, type LinkLayer } from './old/lower/link-layer.js';
import { lower } from './old/lower/lower.js';
import { buildGraph, canAccept, type Graph } from './old/optimise/graph.js';
import { optimise } from './old/optimise/optimise.js';
import { parse } from './parse/parse.js';
import type { Tree } from './parse/tree.js';
import type { Meanings } from './resolve/meaning.js';
import { type NameTables, resolverOf } from './resolve/names.js';
import { resolve } from './resolve/resolve.js';

const linkLayers: ReadonlyMap<string, LinkLayer> = new Map([['EN10MB', ethernet]]);

/** The link types that filters can be compiled for, by their DLT names. */
export const supportedLinkTypes: readonly string[] = [...linkLayers.keys()];

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

/**
 * Compiles a pcap-filter expression to a classic BPF program with libpcap's meaning.
 * @throws BpfleetError `FILTER_SYNTAX` or `FILTER_UNSUPPORTED` with the span of the fault, `NEVER_MATCHES` when no packet
 *   can match (only when optimising), `FILTER_TOO_LARGE` when the kernel would not take the program
 */
export function compile(expression: string, options: CompileOptions = {}): Compilation {
  const { linkType = 'EN10MB', snaplenBytes = DEFAULT_SNAPLEN_BYTES, optimize = true, names } = options;
  const link = linkLayerOf(linkType);
  checkSnaplen(snaplenBytes);
  const tokens = lex(expression);
  const tree = parse(tokens);
  const resolved = resolve(tree, resolverOf(names));
  const ir = lower(resolved, link);
  const plain = buildGraph(ir);
  const optimised = optimize ? optimise(plain) : plain;
  if (optimize && !canAccept(optimised)) throw neverMatches(expression);
  const program = optimize ? emitCheapest(plain, optimised, snaplenBytes) : emitPlain(plain, snaplenBytes);
  if (program.length > MAX_INSTRUCTIONS) throw tooLargeFault(`needs ${program.length} instructions`);
  return { program, stages: { tokens, tree, resolved, ir, optimised } };
}

/** Optimising must never make a program dearer, whatever jumps over more than 255 instructions may add. */
function emitCheapest(plain: Graph, optimised: Graph, snaplenBytes: number): Program {
  const best = emit(optimised, { snaplenBytes, reuseRegisters: true });
  if (plain.nodes.length > MAX_INSTRUCTIONS) return best;
  const other = emitPlain(plain, snaplenBytes);
  return convertedLength(other) < convertedLength(best) ? other : best;
}

function emitPlain(plain: Graph, snaplenBytes: number): Program {
  return emit(plain, { snaplenBytes, reuseRegisters: false });
}

function linkLayerOf(linkType: string): LinkLayer {
  const link = linkLayers.get(linkType);
  if (link !== undefined) return link;
  throw new BpfleetError('FILTER_UNSUPPORTED', `filters on link type ${linkType} are not supported yet`, {
    hint: `supported: ${supportedLinkTypes.join(', ')}`,
  });
}

function checkSnaplen(snaplenBytes: number): void {
  if (Number.isInteger(snaplenBytes) && snaplenBytes > 0 && snaplenBytes <= 0xffff_ffff) return;
  throw new BpfleetError('REQUEST_INVALID', `a snaplen is a whole number of bytes from 1 on, not ${snaplenBytes}`);
}

function neverMatches(expression: string): BpfleetError {
  return new BpfleetError('NEVER_MATCHES', 'no packet can match this expression', {
    span: { start: 0, end: expression.length },
    hint: '“and” and “or” bind alike, from left to right; set parentheses: tcp port (80 or 443) and host 10.0.0.7',
  });
}
