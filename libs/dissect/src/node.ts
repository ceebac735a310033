/**
 * One line of a dissection, as Wireshark shows it: a protocol's layer, a field, or a group of fields. Names are
 * Wireshark's display filter abbreviations; groups that have none there have one of ours (`dns.record`). What is wrong with a packet stands in the tree too, under Wireshark's names:
 * `_ws.short` (captured only so far), `_ws.unreassembled` (the rest is in another packet), `_ws.malformed` (the bytes
 * contradict themselves, nothing behind is taken apart) and `_ws.expert` (odd, but what follows could be read).
 */
export interface Node {
  readonly name: string;
  /** The line for people, escaped: no control character of the packet is in it. */
  readonly text: string;
  /** From the packet's first byte. */
  readonly offset: number;
  /** Of what was captured: 0 where a field is only inferred. */
  readonly lengthBytes: number;
  /** Left out of layers, groups and long runs of bytes; bytes are hex. */
  readonly value?: number | string | boolean;
  readonly children?: readonly Node[];
}

export type Value = NonNullable<Node['value']>;

/** A node that is being written. */
export interface OpenNode extends Node {
  text: string;
  lengthBytes: number;
  children?: OpenNode[];
}
