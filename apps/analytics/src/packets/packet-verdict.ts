import type { Program } from '@bpfleet/bpf';
import type { Direction } from './packet-direction.js';
import type { StoredPacket } from './stored-packet.js';

export type Verdict = 'yes' | 'no' | 'undecided';

/** Says whether packets of one link type match. Built once per query; what runs behind it may be a compiler later. */
export type PacketPredicate = (bytes: Uint8Array, packet: StoredPacket) => Verdict;

/** Of packets of one link type; `direction` is what their interface block says, if it does. */
export interface PacketPredicates {
  (linkType: number, direction?: Direction): PacketPredicate;
  /** What decides alone of Ethernet packets without marks, where there is one program that does. */
  readonly ethernetProgram?: () => Program | undefined;
}
