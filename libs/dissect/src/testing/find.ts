import { LinkType } from '@bpfleet/packet';
import { dissectPacket } from '../dissect-packet.js';
import type { Node } from '../node.js';

/** Every node of a tree, each before its children. */
export function* nodesOf(nodes: readonly Node[]): Generator<Node, void, void> {
  for (const node of nodes) {
    yield node;
    yield* nodesOf(node.children ?? []);
  }
}

export const dissectFrame = (bytes: Uint8Array, wireLength = bytes.length): readonly Node[] =>
  dissectPacket({ bytes, linkType: LinkType.EN10MB, wireLength });

export const layerNames = (nodes: readonly Node[]): string[] => nodes.map(({ name }) => name);

/** All nodes of this name, in order. */
export const found = (nodes: readonly Node[], name: string): Node[] =>
  [...nodesOf(nodes)].filter((node) => node.name === name);

export const valuesOf = (nodes: readonly Node[], name: string): unknown[] =>
  found(nodes, name).map(({ value }) => value);
