import { accepts, CLASSES, classOf, type PacketClass } from './numbered-packets.js';

export interface SwapFindings {
  readonly counts: Readonly<Record<PacketClass, { readonly sent: number; readonly stored: number }>>;
  /** Versions that packets are stored under. */
  readonly versions: number;
  /** Of how many packets it cannot be that each was stored under the one version in force, and the first of them in words. */
  readonly wrong: number;
  readonly examples: readonly string[];
}

const MOST_EXAMPLES = 10;

/**
 * Finds out whether numbered packets were stored as swaps by a cut promise: one version is in force, then a later one, and
 * each packet is stored under the one in force when that accepts it, once, and not at all otherwise.
 */
export class SwapAudit {
  /** By packet number: the version it is stored under, 0 when it is not. */
  #versions = new Uint16Array(1 << 20);
  readonly #faults: string[] = [];

  constructor(private readonly seed: number) {}

  /** @param versions of the packet's interface block: `f@3` */
  stored(number: number, versions: string): void {
    if (number >= this.#versions.length) this.#grow(number);
    const version = /^f@(\d+)$/.exec(versions)?.[1];
    if (version === undefined) this.#faults.push(`${number} is stored under ${versions}`);
    else if (this.#versions[number] !== 0)
      this.#faults.push(`${number} is stored under ${this.#versions[number]} and again under ${version}`);
    else this.#versions[number] = Number(version);
  }

  has(number: number): boolean {
    return (this.#versions[number] ?? 0) !== 0;
  }

  /** Of packets 1 to `sent`. */
  findings(sent: number): SwapFindings {
    const counts = Object.fromEntries(CLASSES.map((name) => [name, { sent: 0, stored: 0 }])) as Record<
      PacketClass,
      { sent: number; stored: number }
    >;
    const faults = [...this.#faults];
    const versions = new Set<number>();
    // The lowest version that may be in force, by all packets so far.
    let least = 1;
    for (let number = 1; number <= sent; number++) {
      const packetClass = classOf(number, this.seed);
      const found = this.#versions[number] ?? 0;
      counts[packetClass].sent++;
      if (found !== 0) {
        counts[packetClass].stored++;
        versions.add(found);
      }
      const inForce = leastVersion(least, packetClass, found);
      if (inForce !== undefined) least = inForce;
      else
        faults.push(
          `${number} (${packetClass}) is stored under ${found || 'none'} while ${least} or later is in force`,
        );
    }
    return { counts, versions: versions.size, wrong: faults.length, examples: faults.slice(0, MOST_EXAMPLES) };
  }

  #grow(number: number): void {
    const larger = new Uint16Array(2 * number);
    larger.set(this.#versions);
    this.#versions = larger;
  }
}

/** Of the versions from `least` on, the first one under which the packet would be stored as it was found; undefined: none. */
function leastVersion(least: number, packetClass: PacketClass, found: number): number | undefined {
  if (found !== 0) return found >= least && accepts(found, packetClass) ? found : undefined;
  // What one version accepts and the next does not.
  return [least, least + 1].find((version) => !accepts(version, packetClass));
}
