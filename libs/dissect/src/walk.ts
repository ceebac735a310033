import { Cut } from './cut.js';
import { type Budget, Layer } from './layer.js';
import type { OpenNode } from './node.js';
import type { HandOn, Protocol, Registry, Table } from './protocol.js';
import type { Slice } from './slice.js';

/** Deeper than any real packet. Tunnels in tunnels and stacks of tags end here. */
const MOST_LAYERS = 40;
/** Of Ethernet, without its header. */
const LONGEST_PAYLOAD = 1_500;
/** What a page can show. A message of 64 KiB has room for more. */
const MOST_FIELDS = 4_000;

/** Takes one packet apart, layer by layer. Each protocol's `Cut` ends that layer, and is said behind it. */
export class Walk implements HandOn {
  readonly #budget: Budget = { fields: MOST_FIELDS };
  #layers: OpenNode[] = [];
  #count = 0;
  #quotedBy: string | undefined;

  constructor(private readonly registry: Registry) {}

  /** The layers that were found: of the packet, or of the one quoted just now. */
  get layers(): OpenNode[] {
    return this.#layers;
  }

  get quotedBy(): string | undefined {
    return this.#quotedBy;
  }

  byNumber(table: Table, number: number, payload: Slice): number {
    return this.#as(this.registry.tables[table].get(number) ?? this.registry.data, payload);
  }

  byTypeOrLength(typeOrLength: number, payload: Slice): number {
    if (typeOrLength > LONGEST_PAYLOAD) return this.byNumber('ethertype', typeOrLength, payload);
    const part = payload.part(0, typeOrLength);
    this.#as(this.registry.llc, part);
    return part.presentLength;
  }

  byPorts(table: 'udp port' | 'tcp port', ports: readonly number[], payload: Slice): void {
    if (payload.capturedLength === 0) return;
    const { tables, guesses, data } = this.registry;
    const byPort = ports.map((port) => tables[table].get(port)).filter((protocol) => protocol !== undefined);
    const candidates = [...byPort, ...guesses[table]];
    this.#as(candidates.find(({ accepts }) => accepts?.(payload) ?? true) ?? data, payload);
  }

  asData(payload: Slice): void {
    this.#as(this.registry.data, payload);
  }

  quoted(layer: Layer, write: () => void): void {
    const [before, quotedBefore] = [this.#layers, this.#quotedBy];
    layer.node.children ??= [];
    this.#layers = layer.node.children;
    this.#quotedBy = layer.node.name;
    try {
      write();
    } finally {
      this.#layers = before;
      this.#quotedBy = quotedBefore;
    }
  }

  #as({ name, title, dissect }: Protocol, payload: Slice): number {
    if (payload.presentLength === 0 && name === this.registry.data.name) return 0;
    if (this.#count === MOST_LAYERS) this.#say('_ws.malformed', `more than ${MOST_LAYERS} layers`, payload.placeOf(0));
    if (this.#count++ >= MOST_LAYERS) return payload.presentLength;
    const node: OpenNode = {
      name,
      text: title,
      offset: payload.placeOf(0),
      lengthBytes: payload.capturedLength,
      children: [],
    };
    this.#layers.push(node);
    try {
      return dissect(new Layer(payload, node, this.#budget), this) ?? payload.presentLength;
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
      this.#say(error.nodeName, `${title}: ${error.message}`, payload.placeOf(payload.capturedLength));
      return payload.presentLength;
    }
  }

  #say(name: string, text: string, offset: number): void {
    this.#layers.push({ name, text: `[${text}]`, offset, lengthBytes: 0 });
  }
}
