import { writeFileSync } from 'node:fs';
import { interfaces, PacketSender, withinNetworkNamespace } from '@bpfleet/linux';
import { forEachPacket, readSection } from '@bpfleet/section';
import { AloneSocket } from './alone-socket.js';
import { CaptureRig } from './capture-rig.js';
import type { TestFilter } from './signing-service.js';

/** Of one filter, what the host received, in order. */
export interface Matches {
  readonly filter: TestFilter;
  /** What is stored under it; all filters run as one program. Cut to the longest snaplen of those that matched. */
  readonly linked: readonly Uint8Array[];
  /** What the kernel lets through where it is alone, whole. */
  readonly alone: readonly Uint8Array[];
}

/** As many as fit into a ring while nobody reads it. */
const MOST_AT_ONCE = 1_000;

/** Filters on an agent's interface, and each of them on a socket of its own beside: all see the same packets. */
export class AloneRig {
  readonly #rig: CaptureRig;
  readonly #sockets: AloneSocket[] = [];
  #filters: readonly TestFilter[] = [];
  #linked: Uint8Array[][] = [];
  /** How many packets are stored under each filter since it runs. */
  #stored: number[] = [];
  #wire!: PacketSender;

  /** @param host where packets come to `eth0`, by a cable whose other end in `hub` has the host's name */
  constructor(
    private readonly host: { readonly name: string; readonly namespacePath: string },
    private readonly hub: { readonly namespacePath: string },
  ) {
    this.#rig = new CaptureRig(host.namespacePath);
  }

  async start(): Promise<void> {
    // What either end would say by itself could come while another packet is on its way, and before it on some sockets only.
    for (const { namespacePath } of [this.host, this.hub]) {
      withinNetworkNamespace(namespacePath, () => writeFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1'));
    }
    await this.#rig.start();
    this.#wire = withinNetworkNamespace(this.hub.namespacePath, () =>
      PacketSender.open({ interfaceIndex: interfaces().find(({ name }) => name === this.host.name)!.index }),
    );
  }

  /** In place of the filters before. Names must be new. */
  async run(filters: readonly TestFilter[]): Promise<void> {
    await this.#readStored();
    this.#filters = filters;
    this.#linked = filters.map(() => []);
    this.#stored = filters.map(() => 0);
    const { outcomes } = await this.#rig.desire(this.#rig.service.desire(filters));
    const refused = outcomes.filter(({ state }) => state === 'refused');
    if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`);
    await this.#rig.settled();
    for (const [index, { expression }] of filters.entries()) {
      this.#sockets[index] ??= new AloneSocket(this.host.namespacePath, 'eth0');
      this.#sockets[index].attach(expression);
    }
    // Until here not all saw the same.
    await this.matches();
  }

  async send(frames: readonly Uint8Array[]): Promise<void> {
    for (let from = 0; from < frames.length; ) {
      from += this.#wire.send(frames.slice(from, from + MOST_AT_ONCE));
      for (const socket of this.#sockets) socket.read();
    }
    await this.#readStored();
  }

  /** What matched since the last call. */
  async matches(): Promise<Matches[]> {
    for (;;) {
      const before = this.#sockets.map(({ passed }) => passed);
      await this.#rig.until('everything to be read and stored', () => this.#isDone());
      // Otherwise another packet came while one side had been looked at, and the other not yet.
      if (this.#sockets.every(({ passed }, index) => passed === before[index])) break;
    }
    return this.#filters.map((filter, index) => ({
      filter,
      linked: this.#linked[index]!.splice(0),
      alone: this.#sockets[index]!.take(),
    }));
  }

  async #isDone(): Promise<boolean> {
    for (const socket of this.#sockets) socket.read();
    await this.#readStored();
    const { sockets, versions } = await this.#rig.source.counters();
    if (sockets.some(({ dropped }) => dropped > 0)) throw new Error('the ring had no room for all packets');
    const isStored = ({ filter, version }: TestFilter, index: number) =>
      versions.find((one) => one.version === `${filter}@${version}`)!.matched === this.#stored[index];
    return (
      sockets.every(({ passed, taken }) => passed === taken) &&
      this.#filters.every(isStored) &&
      this.#sockets.every(({ isRead }) => isRead)
    );
  }

  async #readStored(): Promise<void> {
    const indexes = new Map(this.#filters.map(({ filter, version }, index) => [`${filter}@${version}`, index]));
    for (const { bytes } of await this.#rig.read()) {
      const blocks = readSection(bytes).interfaces.map(({ description = '', direction }) => ({
        filters: description.split(',').flatMap((version) => indexes.get(version) ?? []),
        isReceived: direction !== 'out',
      }));
      forEachPacket(bytes, ({ interfaceId, start, capturedLength }) => {
        const { filters, isReceived } = blocks[interfaceId]!;
        for (const index of filters) {
          if (isReceived) this.#linked[index]!.push(bytes.subarray(start, start + capturedLength));
          this.#stored[index]!++;
        }
        return true;
      });
    }
    this.#rig.sections.length = 0;
  }

  async stop(): Promise<void> {
    this.#wire?.close();
    for (const socket of this.#sockets) socket.close();
    await this.#rig.stop();
  }
}

/** The first packet that one side has and the other has not, in words; undefined when both say the same of every packet. */
export function difference({ filter, linked, alone }: Matches): string | undefined {
  const { expression, snaplenBytes = 0 } = filter;
  for (let index = 0; index < Math.max(linked.length, alone.length); index++) {
    const [stored, passed] = [linked[index], alone[index]];
    const isSame =
      stored !== undefined &&
      passed !== undefined &&
      stored.length >= Math.min(snaplenBytes, passed.length) &&
      Buffer.compare(stored, passed.subarray(0, stored.length)) === 0;
    if (isSame) continue;
    const [one, other] = [stored, passed].map((bytes) => (bytes ? Buffer.from(bytes).toString('hex') : 'nothing'));
    return `${expression}: match ${index + 1} is ${one} as linked, ${other} alone`;
  }
  return undefined;
}
