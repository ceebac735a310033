import { BPF, type Packet, SKF_AD_OFF } from '@bpfleet/bpf';
import { alu, beside, loadAt, loadBehind } from './machine.js';

/** A number made of bytes behind the packet's end. Where the name is the same, so is the number. */
export interface Missing {
  readonly name: string;
  /** What the name says is below 2 to this. */
  readonly bits: number;
  /** Of what the name says these bits. */
  readonly mask: number;
  /** Taken from those, modulo 2^32: libpcap compares by a subtraction. */
  readonly minus: number;
  /** By what instruction it is made, wherever that stands: `originOf`. */
  readonly origin: string;
}

/** All of what the name says. */
export const WHOLE = { mask: 0xffff_ffff, minus: 0 } as const;

/** What a register or a word of M[] holds. */
export type Content = number | Missing | 'unset';

/** Where a load reads. */
export interface Registers {
  readonly x: Content;
  readonly memory: readonly Content[];
}

/** Loads outside of the packet give what is missing, also those whose place is missing. */
export function loaded(code: number, k: number, { x, memory }: Registers, packet: Packet): Content {
  const size = (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
  const missing = (name: string, bits: number): Missing => ({ name, bits, ...WHOLE, origin: originOf(code, k) });
  const found = (value: ReturnType<typeof loadAt>, offset: number) => {
    // What was asked for has no number: libpcap adds to that of metadata the offset of what an encapsulation carries.
    if (value === 'wild') return 'unset';
    return typeof value === 'number' ? value : missing(`[${offset}:${size}]`, 8 * size);
  };
  switch (code & 0xe0) {
    case BPF.IMM:
      return k;
    case BPF.MEM:
      return memory[k] ?? 'unset';
    case BPF.LEN:
      return packet.wireLength;
    case BPF.IND:
      return typeof x === 'number'
        ? found(loadBehind(packet, x, k, size), (x + k) >>> 0)
        : missing(`[${nameOf(x)} + ${k}:${size}]`, 8 * size);
    case BPF.MSH: {
      const byte = loadAt(packet, k, 1);
      return typeof byte === 'number' ? 4 * (byte & 15) : missing(`4*([${k}]&15)`, 6);
    }
    default: {
      if (k < SKF_AD_OFF) return found(loadAt(packet, k, size), k);
      const value = beside(packet, k - SKF_AD_OFF);
      if (value === 'wild') return 'unset';
      return typeof value === 'number' ? value : missing(`@${k}`, 32);
    }
  }
}

/** Undefined for a division that may be by zero: it ends the program on packets of every length. */
export function calculated(code: number, a: Content, operand: Content): Content | undefined {
  const operation = code & 0xf0;
  if (typeof a === 'number' && typeof operand === 'number') return alu(operation, a, operand);
  const isDivision = operation === BPF.DIV || operation === BPF.MOD;
  if (isDivision && (typeof operand !== 'number' || operand === 0)) return undefined;
  if (typeof a === 'object' && typeof operand === 'number') {
    if (operation === BPF.SUB) return { ...a, minus: (a.minus + operand) >>> 0 };
    const mask = (a.mask & operand) >>> 0;
    if (operation === BPF.AND && a.minus === 0) return mask === 0 ? 0 : { ...a, mask };
  }
  const name = `(${nameOf(a)} ${operation} ${nameOf(operand)})`;
  return { name, bits: 32, ...WHOLE, origin: originOf(code, 0) };
}

export function nameOf(content: Content): string {
  return typeof content === 'object' ? `${content.name}&${content.mask}-${content.minus}` : `${content}`;
}

/** The same for all instructions that can make numbers of one name. */
export function originOf(code: number, k: number): string {
  return (code & 0x07) === BPF.ALU ? `${code & 0xf7 & ~BPF.X}` : `${code} ${k}`;
}
