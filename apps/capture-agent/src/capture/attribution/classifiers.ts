import { createHash } from 'node:crypto';
import { fromTuples, jitAll, type PacketClassifier } from '@bpfleet/bpf';
import type { CaptureMember } from '../../border/opener-port.js';

/** So many that nobody uses any more are kept for when they come again, of so many instructions together. */
const MOST_KEPT = 4;
const MOST_KEPT_INSTRUCTIONS = 8192;

interface Kept {
  readonly classify: PacketClassifier;
  readonly instructions: number;
}

/**
 * The code that asks members about a packet, once for all who ask the same members. V8 compiles it in several steps, which takes
 * tenths of a second for fifty filters, and the same members come again: on the next interface, on one that was removed and comes back, after a roll-back.
 */
export class Classifiers {
  readonly #known = new Map<string, WeakRef<PacketClassifier>>();
  /** Who was asked for last stands last. */
  readonly #kept = new Map<string, Kept>();

  of(members: readonly CaptureMember[]): PacketClassifier {
    const programs = members.map(({ program }) => program.instructions);
    const key = createHash('sha256').update(JSON.stringify(programs)).digest('base64');
    const classify = this.#known.get(key)?.deref() ?? this.#made(key, programs);
    this.#keep(key, { classify, instructions: programs.reduce((sum, { length }) => sum + length, 0) });
    return classify;
  }

  #made(key: string, programs: readonly CaptureMember['program']['instructions'][]): PacketClassifier {
    for (const [other, known] of this.#known) if (known.deref() === undefined) this.#known.delete(other);
    const classify = jitAll(programs.map(fromTuples));
    this.#known.set(key, new WeakRef(classify));
    return classify;
  }

  #keep(key: string, one: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, one);
    let instructions = [...this.#kept.values()].reduce((sum, kept) => sum + kept.instructions, 0);
    for (const [oldest, kept] of this.#kept) {
      if (this.#kept.size <= MOST_KEPT && instructions <= MOST_KEPT_INSTRUCTIONS) return;
      this.#kept.delete(oldest);
      instructions -= kept.instructions;
    }
  }
}
