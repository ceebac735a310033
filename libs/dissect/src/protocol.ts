import type { Layer } from './layer.js';
import type { Slice } from './slice.js';

/** By what kind of number a protocol names the next one. */
export type Table = 'link type' | 'ethertype' | 'ip protocol' | 'ip version' | 'udp port' | 'tcp port';

/** How a protocol's dissector gives what is inside to the next. No dissector imports another. */
export interface HandOn {
  /**
   * Takes a payload apart by the protocol that a number names; as plain data when nobody knows it.
   * @returns how many of the slice's bytes belong to it: less than all where it ends before (padding of Ethernet)
   */
  byNumber(table: Table, number: number, payload: Slice): number;
  /** By the first of these ports whose protocol accepts it, else by what the bytes look like. */
  byPorts(table: 'udp port' | 'tcp port', ports: readonly number[], payload: Slice): void;
  /**
   * As `byNumber` does for a field that is a payload's length up to 1500, with an LLC header in it, and an EtherType
   * above (802.3, 3.2.6).
   */
  byTypeOrLength(typeOrLength: number, payload: Slice): number;
  asData(payload: Slice): void;
  /** What `write` hands on becomes part of this layer: a packet that an ICMP message quotes. */
  quoted(layer: Layer, write: () => void): void;
  /** The name of the protocol whose layer this one is inside of, where it is quoted. */
  readonly quotedBy: string | undefined;
}

/** One protocol. `dissect` may throw a `Cut` anywhere: what it wrote before stays. */
export interface Protocol {
  /** Wireshark's. */
  readonly name: string;
  readonly title: string;
  /** Whether bytes look like it, where a port or nothing at all leads here. Never throws. */
  readonly accepts?: (payload: Slice) => boolean;
  /** @returns as `HandOn.byNumber`; nothing: all bytes */
  dissect(layer: Layer, next: HandOn): number | undefined;
}

export interface Registry {
  readonly tables: Readonly<Record<Table, ReadonlyMap<number, Protocol>>>;
  /** Who looks at bytes whose port says nothing, in order. */
  readonly guesses: Readonly<Record<'udp port' | 'tcp port', readonly Protocol[]>>;
  readonly llc: Protocol;
  readonly data: Protocol;
}
