import { Ancillary, BPF, isAncillary, SKF_AD_OFF, SKF_LL_OFF } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type Facts, stored, whereIs, withPart } from './facts.js';
import { guardIndirect, guardLength, guardLengthKeepingA, type Reachable, type Way } from './guards.js';
import { ANY, constant, isConstant, upTo, type Value } from './value.js';

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
      case BPF.IND:
        return this.#indirect(code, k, facts, needed);
      case BPF.MSH:
        return this.#fixed(code, k, facts, needed);
      default:
        return isAncillary(k) ? this.#take(code, k, facts, metadata(k)) : this.#fixed(code, k, facts, needed);
    }
  }

  /** A load that never fails. */
  #take(code: number, k: number, facts: Facts, value: Value): Facts {
    this.way.listing.plain(code, k);
    return (code & 0x07) === BPF.LDX ? { ...facts, x: value } : { ...facts, a: value };
  }

  #fixed(code: number, k: number, facts: Facts, needed: Needed): Facts | undefined {
    if (k >= SKF_LL_OFF) {
      throw new BpfleetError(
        'FILTER_UNSUPPORTED',
        `a load relative to a header (SKF_NET_OFF, SKF_LL_OFF): offset ${k | 0}`,
      );
    }
    // The kernel finds nothing there (`bpf_internal_load_pointer_neg_helper`).
    if (k >= 0x8000_0000) return this.#alwaysFails(facts);
    const end = k + sizeOf(code);
    this.#reads(end);
    const isMsh = (code & 0xe0) === BPF.MSH;
    const value = isMsh ? upTo(60, `4*([${k}]&0xf)`) : bytesAt(k, sizeOf(code));
    const guard = isMsh && needed.a ? guardLengthKeepingA : guardLength;
    return this.#part(code, facts, value, () => reachable(guard(facts, end, this.way), k), k);
  }

  #indirect(code: number, k: number, facts: Facts, needed: Needed): Facts | undefined {
    const size = sizeOf(code);
    const { least, most } = facts.x;
    const wraps = most + k > 0xffff_ffff;
    if (isConstant(facts.x)) return this.#indirectAt((least + k) % 2 ** 32, code, k, facts);
    if (!wraps && least + k >= 0x8000_0000) return this.#alwaysFails(facts);
    this.#reads(wraps ? ANYWHERE : most + k + size);
    const value = upTo(256 ** size - 1, nameBehind(facts.x, k, size));
    return this.#part(code, facts, value, () => guardIndirect(facts, k, size, needed.x, this.way), k);
  }

  /** X is known, so the offset is. */
  #indirectAt(offset: number, code: number, k: number, facts: Facts): Facts | undefined {
    if (offset >= 0x8000_0000) return this.#alwaysFails(facts);
    const size = sizeOf(code);
    this.#reads(offset + size);
    const guard = () => reachable(guardLength(facts, offset + size, this.way), k);
    return this.#part(code, facts, bytesAt(offset, size), guard, k);
  }

  /** A part of the packet: from where it is already, without a guard where it was loaded once, or behind its guard. */
  #part(code: number, facts: Facts, value: Value, guard: () => Reachable | undefined, k: number): Facts | undefined {
    const { name } = value;
    if (name !== undefined) this.loaded.add(name);
    const place = name === undefined ? undefined : whereIs(facts, name);
    if (place !== undefined) return this.#copy(code, facts, place);
    const before = name === undefined ? undefined : facts.parts.get(name);
    const reached = before === undefined ? guard() : { facts, k };
    if (reached === undefined) return undefined;
    const loaded = before ?? value;
    return this.#share(withPart(this.#take(code, reached.k, reached.facts, loaded), loaded), code, loaded);
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

  #reads(end: number): void {
    this.bytesRead = Math.max(this.bytesRead, Math.min(end, ANYWHERE));
  }
}

function reachable(facts: Facts | undefined, k: number): Reachable | undefined {
  return facts && { facts, k };
}

function sizeOf(code: number): 1 | 2 | 4 {
  return (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
}

function bytesAt(offset: number, size: number): Value {
  return upTo(256 ** size - 1, `[${offset}:${size}]`);
}

/** Of a load behind a part of the packet that gives the offset; not of a chain of them, so that names stay short. */
function nameBehind(x: Value, k: number, size: number): string | undefined {
  return x.name === undefined || x.name.includes('+') ? undefined : `[${x.name}+${k}:${size}]`;
}

/** `convert_bpf_extensions`: whether there is a tag is one bit, all else a word. */
function metadata(k: number): Value {
  return k - SKF_AD_OFF === Ancillary.VLAN_TAG_PRESENT ? upTo(1) : ANY;
}
