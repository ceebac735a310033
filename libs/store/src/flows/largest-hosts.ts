import { BpfleetError } from '@bpfleet/errors';
import { HostCells } from './host-cells.js';
import { HostSums, type Sum } from './sums.js';

/** Of encoded sums. Those of 50 agents and an hour have some 30 MB where each sees thousands of hosts. */
const MOST_KEPT_BYTES = 32 * 1024 * 1024;

/** Hosts that one question adds up: 28 bytes for each of IPv4, 40 of IPv6. */
const MOST_HOSTS = 2 ** 21;

/** Cells that are looked into at first, beside one for each host that is wanted. */
const MORE_CELLS = 54;

interface Kept {
  readonly encoded: Uint8Array;
  readonly weight: number;
}

/**
 * The hosts with most, of many sums. Exactly, and without a table of all hosts, most of which have next to nothing: at first all
 * are added up in few cells; then only the hosts in the largest cells, each by itself. A host elsewhere has no more than its cell.
 */
export class LargestHosts {
  readonly #mostKeptBytes: number;
  readonly #mostHosts: number;
  #kept: Kept[] = [];
  #keptBytes = 0;
  /** Of what came when there was too much to keep, all hosts. */
  #all: HostSums | undefined;

  constructor({ mostKeptBytes = MOST_KEPT_BYTES, mostHosts = MOST_HOSTS } = {}) {
    this.#mostKeptBytes = mostKeptBytes;
    this.#mostHosts = mostHosts;
  }

  /**
   * @param encoded as `HostSums` writes them; may change behind the call
   * @param weight how many packets one of them stands for
   * @throws BpfleetError `REQUEST_INVALID` when there are more hosts than fit in memory
   */
  addEncoded(encoded: Uint8Array, weight: number): void {
    if (this.#all !== undefined) {
      this.#addTo(this.#all, { encoded, weight });
      return;
    }
    this.#kept.push({ encoded: new Uint8Array(encoded), weight });
    this.#keptBytes += encoded.length;
    if (this.#keptBytes <= this.#mostKeptBytes) return;
    this.#all = new HostSums();
    for (const kept of this.#kept) this.#addTo(this.#all, kept);
    this.#kept = [];
  }

  /**
   * The largest first; of equal ones the lower address. Addresses have 4 or 16 bytes.
   * @throws BpfleetError `REQUEST_INVALID` when too many hosts are alike
   */
  largest(order: 'packets' | 'bytes', limit: number): Sum<Uint8Array>[] {
    if (this.#all !== undefined) return this.#all.largest(order, limit);
    const cells = new HostCells();
    for (const { encoded } of this.#kept) cells.addEncoded(encoded, order);
    let least = cells.sumAt(limit + MORE_CELLS);
    for (;;) {
      cells.choose(least);
      const sums = new HostSums();
      for (const kept of this.#kept) this.#addTo(sums, kept, cells);
      const found = sums.largest(order, limit);
      const last = found.length < limit ? 0 : found.at(-1)![order];
      if (last >= least) return found;
      // At most once: among the hosts of more cells the last one has no less.
      least = last;
    }
  }

  #addTo(sums: HostSums, { encoded, weight }: Kept, cells?: HostCells): void {
    sums.addEncoded(encoded, weight, cells);
    if (sums.size <= this.#mostHosts) return;
    throw new BpfleetError('REQUEST_INVALID', `the range has more than ${this.#mostHosts} hosts`, {
      hint: 'ask for a shorter range, for one agent, or with an expression',
    });
  }
}
