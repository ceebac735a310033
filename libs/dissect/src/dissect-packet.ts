import { LinkType } from '@bpfleet/packet';
import type { Node } from './node.js';
import { registry } from './registry.js';
import { Slice } from './slice.js';
import { Walk } from './walk.js';

export interface CapturedPacket {
  /** Of the packet, from its first byte; all that was captured. */
  readonly bytes: Uint8Array;
  /** LINKTYPE_ number. */
  readonly linkType: number;
  /** How long it was on the wire; as long as `bytes` when not given. */
  readonly wireLength?: number;
}

/**
 * Takes one packet apart: a layer for each protocol, outermost first, with its fields. Never throws, whatever the bytes
 * are: where a packet is cut, contradicts itself or goes deeper than is shown, the tree says so (`Node`). Work and tree
 * are bounded, whatever the packet's lengths and pointers say.
 */
export function dissectPacket({ bytes, linkType, wireLength = bytes.length }: CapturedPacket): readonly Node[] {
  const walk = new Walk(registry);
  const packet = new Slice(bytes, 0, Math.max(bytes.length, wireLength), Math.max(bytes.length, wireLength));
  if (linkType === LinkType.RAW && bytes.length > 0) walk.byNumber('ip version', bytes[0]! >> 4, packet);
  else walk.byNumber('link type', linkType, packet);
  return walk.layers;
}
