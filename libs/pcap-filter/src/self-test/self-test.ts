import { interpret, type Packet, type PacketMetadata, type Program } from '@bpfleet/bpf';
import type { Stages } from '../compile.js';
import { ACCEPT, type Graph, type Node } from '../optimise/graph.js';
import { printGraph } from '../print/print-stages.js';
import { baseFrames } from './base-frames.js';
import { choose, type Verdict } from './choose.js';
import { Collection, type Found } from './collect.js';
import { Draft } from './draft.js';
import { edgeOf, trace } from './way.js';

export interface SelfTestPacket {
  /** The whole packet; nothing is cut. */
  readonly bytes: Uint8Array;
  readonly wireLength: number;
  /** What the kernel says beside the bytes; where the program does not ask for it, it is left out. */
  readonly metadata?: PacketMetadata;
  /** Such a packet cannot be tried on a socket that carries bytes alone. */
  readonly needsMetadata: boolean;
  /** What the program returns for it: 0 or the snaplen. */
  readonly verdict: number;
}

export interface SelfTestCoverage {
  /** Conditions of the decision graph. */
  readonly conditions: number;
  /** Those that some packet answers with yes and some with no. */
  readonly bothSides: number;
  /** The others: printed as `--stages` shows them, with the answers that no packet gives. */
  readonly missed: readonly { readonly condition: string; readonly answers: readonly ('yes' | 'no')[] }[];
}

export interface SelfTest {
  readonly packets: readonly SelfTestPacket[];
  readonly coverage: SelfTestCoverage;
}

export interface SelfTestOptions {
  /** The one the program was compiled for; default EN10MB. */
  readonly linkType?: string;
  /** What a filter without a classic program returns for a packet that it accepts; default 262144, as in `compile`. */
  readonly snaplenBytes?: number;
  /** Default 64. */
  readonly maxPackets?: number;
  /** Default 2,048. Conditions on greater lengths get no packet for one side. */
  readonly maxPacketBytes?: number;
}

/** A compilation for either machine. */
export interface SelfTested {
  readonly stages: Stages;
  /** The classic program; without it (for eBPF) verdicts are those of the decision graph. */
  readonly program?: Program;
}

/**
 * Packets that try a compiled filter on both sides of each of its conditions, with the verdict each must have: agents run
 * them before they attach. Made by going through the decision graph and changing bytes where a packet would go another
 * way; what is expected of a classic program comes from the interpreter. The same compilation gives the same packets, those that try most first.
 */
export function selfTestPackets(
  { program, stages }: SelfTested,
  { linkType = 'EN10MB', maxPackets = 64, maxPacketBytes = 2048, snaplenBytes = 262_144 }: SelfTestOptions = {},
): SelfTest {
  const graph = stages.optimised;
  const frames = baseFrames(linkType.toUpperCase()).map((frame) => Draft.of(frame, maxPacketBytes));
  const found = new Collection(graph, frames, CANDIDATES * maxPackets).collect();
  const verdictOf: Verdict = (packet) => {
    if (program !== undefined) return interpret(program, packet);
    return trace(graph, packet).end === ACCEPT ? snaplenBytes : 0;
  };
  const chosen = choose(graph, found, verdictOf, maxPackets);
  return {
    packets: chosen.map(({ draft }) => packetOf(draft.packet, verdictOf)),
    coverage: coverageOf(graph, chosen),
  };
}

/** So many are made for each that is chosen. */
const CANDIDATES = 6;

function packetOf(packet: Packet, verdictOf: Verdict): SelfTestPacket {
  const { bytes, wireLength, metadata } = packet;
  const common = { bytes, wireLength, verdict: verdictOf(packet) };
  const isAskedFor = metadata !== undefined && asksForMetadata(packet, verdictOf);
  return isAskedFor ? { ...common, needsMetadata: true, metadata } : { ...common, needsMetadata: false };
}

/** On the way that this packet goes. */
function asksForMetadata(packet: Packet, verdictOf: Verdict): boolean {
  let isAsked = false;
  const watched = {
    ...packet,
    get metadata() {
      isAsked = true;
      return packet.metadata as PacketMetadata;
    },
  };
  verdictOf(watched);
  return isAsked;
}

function coverageOf(graph: Graph, chosen: readonly Found[]): SelfTestCoverage {
  const taken = new Set(chosen.flatMap(({ trace }) => trace.edges));
  const conditions = [...graph.nodes.entries()].filter(([, { yes, no }]) => yes !== no);
  const missed = conditions.flatMap(([index, node]) => {
    const answers = (['yes', 'no'] as const).filter((answer) => !taken.has(edgeOf(index, answer === 'yes')));
    return answers.length === 0 ? [] : [{ condition: printed(node), answers }];
  });
  return { conditions: conditions.length, bothSides: conditions.length - missed.length, missed };
}

function printed(node: Node): string {
  return printGraph({ nodes: [node], entry: 0 }).replace(/^0: /, '');
}
