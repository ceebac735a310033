import { BPF } from '@bpfleet/bpf';
import { isConstant, upTo, type Value } from './value.js';

/** What a load takes from the packet. */
export interface PacketPart {
  /** Named, where the place is a matter of the packet alone. */
  readonly value: Value;
  /** The least and the largest offset behind it; the largest is infinite where [x + k] may wrap. */
  readonly leastEnd: number;
  readonly mostEnd: number;
}

/**
 * Of a load of bytes, with what is known of X. Undefined: an offset of 2^31 or more, where no packet has bytes and the kernel
 * finds none (`bpf_internal_load_pointer_neg_helper`).
 */
export function packetPart(code: number, k: number, x: Value): PacketPart | undefined {
  const size = sizeOf(code);
  if ((code & 0xe0) !== BPF.IND) return partAt(code, k);
  if (isConstant(x)) return partAt(BPF.LD | (code & 0x18) | BPF.ABS, (x.least + k) % 2 ** 32);
  const value = upTo(256 ** size - 1, nameBehind(x, k, size));
  if (x.most + k > 0xffff_ffff) return { value, leastEnd: size, mostEnd: Number.POSITIVE_INFINITY };
  return x.least + k >= 0x8000_0000 ? undefined : { value, leastEnd: x.least + k + size, mostEnd: x.most + k + size };
}

function partAt(code: number, offset: number): PacketPart | undefined {
  if (offset >= 0x8000_0000) return undefined;
  const size = sizeOf(code);
  const isMsh = (code & 0xe0) === BPF.MSH;
  const value = isMsh ? upTo(60, `4*([${offset}]&0xf)`) : upTo(256 ** size - 1, `[${offset}:${size}]`);
  return { value, leastEnd: offset + size, mostEnd: offset + size };
}

export function sizeOf(code: number): 1 | 2 | 4 {
  return (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
}

/** Of a load behind a part of the packet that gives the offset; not of a chain of them, so that names stay short. */
function nameBehind(x: Value, k: number, size: number): string | undefined {
  return x.name === undefined || x.name.includes('+') ? undefined : `[${x.name}+${k}:${size}]`;
}
