import { Cut, notCaptured, pastTheEnd, tooManyFields } from './cut.js';
import { type Budget, Layer } from './layer.js';
import type { OpenNode } from './node.js';
import type { HandOn, Protocol, Registry, Table } from './protocol.js';
import type { Slice } from './slice.js';

/** Deeper than any real packet. Tunnels in tunnels and stacks of tags end here. */
const MOST_LAYERS = 40;
/** What a page can show. A message of 64 KiB has room for more. */
const MOST_FIELDS = 4_000;

/** Takes one packet apart, layer by layer. Each protocol's `Cut` ends that layer, and is said behind it. */
export class Walk implements HandOn {
  readonly #budget: Budget = { fields: MOST_FIELDS };
  #layers: OpenNode[] = [];
  #count = 0;
  isQuoted = false;

  constructor(private readonly registry: Registry) {}

  /** The layers that were found: of the packet, or of the one quoted just now. */
  get layers(): OpenNode[] {
    return this.#layers;
  }

  byNumber(table: Table, number: number, payload: Slice): number {
    return this.#as(this.registry.tables[table].get(number) ?? this.registry.data, payload);
  }

  byPorts(table: 'udp port' | 'tcp port', ports: readonly number[], payload: Slice): void {
    if (payload.capturedLength === 0) return;
    const known = ports.map((port) => this.registry.tables[table].get(port)).find((protocol) => protocol !== undefined);
    const guessed = () => this.registry.guesses[table].find(({ isLikely }) => isLikely(payload))?.protocol;
    this.#as(known ?? guessed() ?? this.registry.data, payload);
  }

  asData(payload: Slice): void {
    this.#as(this.registry.data, payload);
  }

  quoted(layer: Layer, write: () => void): void {
    const before = { layers: this.#layers, isQuoted: this.isQuoted };
    layer.node.children ??= [];
    this.#layers = layer.node.children;
    this.isQuoted = true;
    try {
      write();
    } finally {
      this.#layers = before.layers;
      this.isQuoted = before.isQuoted;
    }
  }

  #as({ name, title, dissect }: Protocol, payload: Slice): number {
    if (payload.length === 0 && name === this.registry.data.name) return 0;
    if (this.#count === MOST_LAYERS) this.#say('_ws.malformed', `more than ${MOST_LAYERS} layers`, payload.start);
    if (this.#count++ >= MOST_LAYERS) return payload.length;
    const node: OpenNode = {
      name,
      text: title,
      offset: payload.start,
      lengthBytes: payload.capturedLength,
      children: [],
    };
    this.#layers.push(node);
    try {
      return dissect(new Layer(payload, node, this.#budget), this) ?? payload.length;
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
      this.#say(NAME_OF.get(error)!, `${title}: ${error.message}`, payload.end);
      return payload.length;
    }
  }

  #say(name: string, text: string, offset: number): void {
    this.#layers.push({ name, text: `[${text}]`, offset, lengthBytes: 0 });
  }
}

const NAME_OF = new Map<Cut, string>([
  [notCaptured, '_ws.short'],
  [pastTheEnd, '_ws.malformed'],
  [tooManyFields, '_ws.malformed'],
]);
