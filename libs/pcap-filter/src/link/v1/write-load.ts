import { Ancillary, BPF, isAncillary, SKF_AD_OFF, SKF_LL_OFF } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type Facts, stored, whereIs, withPart } from './facts.js';
import { guardIndirect, guardLength, guardLengthKeepingA, type Reachable, type Way } from './guards.js';
import { type PacketPart, packetPart, sizeOf } from './packet-part.js';
import { ANY, constant, upTo, type Value } from './value.js';

/** Bytes that a load may read where nothing bounds its offset. */
const ANYWHERE = 0xffff_ffff;

/** Which registers a load has to leave as they are: A in front of `ldx`, X behind `ld`. */
export interface Needed {
  readonly a: boolean;
  readonly x: boolean;
}

/** Writes a member's loads, each behind the guard it needs, and keeps account of what the member reads. */
export class LoadWriter {
  /** The first so many bytes of the packet are all that was read. */
  bytesRead = 0;
  /** Parts of the packet, by name. */
  readonly loaded = new Set<string>();
  /** The shared words that stood in for a load, once for each load. */
  readonly sharedReads: number[] = [];

  constructor(
    private readonly way: Way,
    /** Words of M[] for parts of the packet that other members load too. */
    private readonly shared: ReadonlyMap<string, number>,
  ) {}

  /** What is known behind the load; undefined when it is outside of every packet that comes here. */
  write(code: number, k: number, facts: Facts, needed: Needed): Facts | undefined {
    switch (code & 0xe0) {
      case BPF.IMM:
        return this.#take(code, k, facts, constant(k));
      case BPF.MEM:
        return this.#take(code, k, facts, facts.memory.get(k) ?? ANY);
      case BPF.LEN:
        return this.#take(code, 0, facts, facts.length);
      case BPF.ABS:
        if (isAncillary(k)) return this.#take(code, k, facts, metadata(k));
        break;
    }
    return this.#fromPacket(code, k, facts, needed);
  }

  /** A load that never fails. */
  #take(code: number, k: number, facts: Facts, value: Value): Facts {
    this.way.listing.plain(code, k);
    return (code & 0x07) === BPF.LDX ? { ...facts, x: value } : { ...facts, a: value };
  }

  /** A part of the packet: from where it is already, without a guard where it was loaded once, or behind its guard. */
  #fromPacket(code: number, k: number, facts: Facts, needed: Needed): Facts | undefined {
    refuseHeaders(code, k);
    const part = packetPart(code, k, facts.x);
    if (part === undefined) return this.#alwaysFails(facts);
    this.bytesRead = Math.max(this.bytesRead, Math.min(part.mostEnd, ANYWHERE));
    const { name } = part.value;
    if (name !== undefined) this.loaded.add(name);
    const place = name === undefined ? undefined : whereIs(facts, name);
    if (place !== undefined) return this.#copy(code, facts, place);
    const before = name === undefined ? undefined : facts.parts.get(name);
    const reached = before === undefined ? this.#guard(code, k, part, facts, needed) : { facts, k };
    if (reached === undefined) return undefined;
    const value = before ?? part.value;
    return this.#share(withPart(this.#take(code, reached.k, reached.facts, value), value), code, value);
  }

  #guard(code: number, k: number, part: PacketPart, facts: Facts, needed: Needed): Reachable | undefined {
    if (part.leastEnd !== part.mostEnd) return guardIndirect(facts, k, sizeOf(code), needed.x, this.way);
    const guard = (code & 0xe0) === BPF.MSH && needed.a ? guardLengthKeepingA : guardLength;
    const passed = guard(facts, part.mostEnd, this.way);
    return passed && { facts: passed, k };
  }

  #copy(code: number, facts: Facts, place: 'a' | 'x' | number): Facts {
    const toX = (code & 0x07) === BPF.LDX;
    if (place === (toX ? 'x' : 'a')) return facts;
    if (place === 'a') {
      this.way.listing.plain(BPF.MISC | BPF.TAX);
      return { ...facts, x: facts.a };
    }
    if (place === 'x') {
      this.way.listing.plain(BPF.MISC | BPF.TXA);
      return { ...facts, a: facts.x };
    }
    this.sharedReads.push(place);
    return this.#take((toX ? BPF.LDX : BPF.LD) | BPF.MEM, place, facts, facts.memory.get(place) as Value);
  }

  /** Keeps what was just loaded for the members that load it too. */
  #share(facts: Facts, code: number, value: Value): Facts {
    const word = value.name === undefined ? undefined : this.shared.get(value.name);
    if (word === undefined) return facts;
    this.way.listing.plain((code & 0x07) === BPF.LDX ? BPF.STX : BPF.ST, word);
    return stored(facts, word, value);
  }

  #alwaysFails(facts: Facts): undefined {
    this.way.listing.go(this.way.fail(facts));
    return undefined;
  }
}

function refuseHeaders(code: number, k: number): void {
  if ((code & 0xe0) === BPF.IND || k < SKF_LL_OFF) return;
  throw new BpfleetError('FILTER_UNSUPPORTED', `a load relative to a header (SKF_NET_OFF, SKF_LL_OFF), at ${k | 0}`);
}

/** `convert_bpf_extensions`: whether there is a tag is one bit, all else a word. */
function metadata(k: number): Value {
  return k - SKF_AD_OFF === Ancillary.VLAN_TAG_PRESENT ? upTo(1) : ANY;
}
