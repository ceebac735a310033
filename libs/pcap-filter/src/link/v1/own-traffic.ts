import { BPF, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { parseAddress } from '@bpfleet/packet';
import { assemble } from './assemble.js';
import { type Label, Listing } from './listing.js';

/** One side of a TCP connection of bpfleet's own: its address as text, and its port. */
export interface ExcludedEndpoint {
  readonly address: string;
  readonly port: number;
}

/** Where the network header starts and, where the link header tells the protocol, where its EtherType stands. */
interface Layout {
  readonly network: number;
  readonly etherType?: number;
}

const LAYOUTS: ReadonlyMap<string, Layout> = new Map<string, Layout>([
  ['EN10MB', { network: 14, etherType: 12 }],
  ['LINUX_SLL', { network: 16, etherType: 14 }],
  ['LINUX_SLL2', { network: 20, etherType: 0 }],
  ['RAW', { network: 0 }],
  ['IPV4', { network: 0 }],
  ['IPV6', { network: 0 }],
]);

const TCP = 6;
/** Offsets from the network header (RFC 791, 3.1; RFC 8200, 3), ports from behind it (RFC 9293, 3.1). */
const IPV4 = { fragment: 6, protocol: 9, source: 12, destination: 16 };
const IPV6 = { nextHeader: 6, source: 8, destination: 24, headerBytes: 40 };
const FRAGMENT_OFFSET = 0x1fff;

/** An address as the words it is compared by, and its ports in order. */
interface Endpoint {
  readonly words: readonly number[];
  readonly port: number;
}

/**
 * A program that accepts TCP packets to or from one of the endpoints, the linker's first member where there are any. IPv4
 * headers may have options; behind IPv6's fixed header TCP must follow at once, as it does on our own connections.
 * @throws BpfleetError `FILTER_UNSUPPORTED` for a link type whose network header has no fixed place, `REQUEST_INVALID` for an
 *   address that is none
 */
export function ownTraffic(excluded: readonly ExcludedEndpoint[], linkType: string): Program {
  const layout = LAYOUTS.get(linkType.toUpperCase());
  if (layout === undefined) {
    throw new BpfleetError('FILTER_UNSUPPORTED', `own traffic cannot be excluded on ${linkType}`);
  }
  const endpoints = excluded.map(({ address, port }): Endpoint => ({ words: wordsOf(address), port }));
  return new OwnTraffic(layout, endpoints).write();
}

class OwnTraffic {
  readonly #listing = new Listing();
  readonly #own = this.#listing.newLabel();
  readonly #other = this.#listing.newLabel();

  constructor(
    private readonly layout: Layout,
    private readonly endpoints: readonly Endpoint[],
  ) {}

  write(): Program {
    const ipv4 = this.endpoints.filter(({ words }) => words.length === 1);
    const ipv6 = this.endpoints.filter(({ words }) => words.length === 4);
    const [four, six] = [this.#listing.newLabel(), this.#listing.newLabel()];
    this.#dispatch(ipv4.length > 0 ? four : this.#other, ipv6.length > 0 ? six : this.#other);
    if (ipv4.length > 0) this.#ipv4(four, ipv4);
    if (ipv6.length > 0) this.#ipv6(six, ipv6);
    this.#listing.place(this.#other);
    this.#listing.plain(BPF.RET | BPF.K, 0);
    this.#listing.place(this.#own);
    this.#listing.plain(BPF.RET | BPF.K, 1);
    return assemble(this.#listing.lines);
  }

  #dispatch(four: Label, six: Label): void {
    const { network, etherType } = this.layout;
    if (etherType !== undefined) {
      this.#listing.plain(BPF.LD | BPF.H | BPF.ABS, etherType);
      this.#choose(
        [
          [0x0800, four],
          [0x86dd, six],
        ],
        this.#other,
      );
      return;
    }
    this.#listing.plain(BPF.LD | BPF.B | BPF.ABS, network);
    this.#listing.plain(BPF.ALU | BPF.AND | BPF.K, 0xf0);
    this.#choose(
      [
        [0x40, four],
        [0x60, six],
      ],
      this.#other,
    );
  }

  #ipv4(start: Label, endpoints: readonly Endpoint[]): void {
    const { network } = this.layout;
    const isTcp = this.#listing.newLabel();
    const isFirst = this.#listing.newLabel();
    const toDestination = this.#listing.newLabel();
    this.#listing.place(start);
    this.#listing.plain(BPF.LD | BPF.B | BPF.ABS, network + IPV4.protocol);
    this.#listing.branch(BPF.JEQ, TCP, isTcp, this.#other);
    this.#listing.place(isTcp);
    this.#listing.plain(BPF.LD | BPF.H | BPF.ABS, network + IPV4.fragment);
    this.#listing.branch(BPF.JSET, FRAGMENT_OFFSET, this.#other, isFirst);
    this.#listing.place(isFirst);
    this.#listing.plain(BPF.LDX | BPF.B | BPF.MSH, network);
    const port = BPF.LD | BPF.H | BPF.IND;
    this.#side(endpoints, network + IPV4.source, () => this.#listing.plain(port, network), toDestination);
    this.#listing.place(toDestination);
    this.#side(endpoints, network + IPV4.destination, () => this.#listing.plain(port, network + 2), this.#other);
  }

  #ipv6(start: Label, endpoints: readonly Endpoint[]): void {
    const { network } = this.layout;
    const isTcp = this.#listing.newLabel();
    const toDestination = this.#listing.newLabel();
    const ports = network + IPV6.headerBytes;
    this.#listing.place(start);
    this.#listing.plain(BPF.LD | BPF.B | BPF.ABS, network + IPV6.nextHeader);
    this.#listing.branch(BPF.JEQ, TCP, isTcp, this.#other);
    this.#listing.place(isTcp);
    const port = BPF.LD | BPF.H | BPF.ABS;
    this.#side(endpoints, network + IPV6.source, () => this.#listing.plain(port, ports), toDestination);
    this.#listing.place(toDestination);
    this.#side(endpoints, network + IPV6.destination, () => this.#listing.plain(port, ports + 2), this.#other);
  }

  /** One side of the packet: its address word by word, each word's value leading on to those of the next, then its port. */
  #side(endpoints: readonly Endpoint[], address: number, loadPort: () => void, miss: Label, word = 0): void {
    const isWhole = word === endpoints[0]?.words.length;
    if (isWhole) {
      loadPort();
      this.#choose(
        distinct(endpoints.map(({ port }) => port)).map((port) => [port, this.#own]),
        miss,
      );
      return;
    }
    const wordOf = ({ words }: Endpoint) => words[word] as number;
    const branches = distinct(endpoints.map(wordOf)).map((value) => [value, this.#listing.newLabel()] as const);
    this.#listing.plain(BPF.LD | BPF.W | BPF.ABS, address + 4 * word);
    this.#choose(branches, miss);
    for (const [value, label] of branches) {
      this.#listing.place(label);
      const same = endpoints.filter((endpoint) => wordOf(endpoint) === value);
      this.#side(same, address, loadPort, miss, word + 1);
    }
  }

  /** A is compared with one value after the other. */
  #choose(cases: readonly (readonly [number, Label])[], otherwise: Label): void {
    for (const [value, label] of cases) {
      const next = this.#listing.newLabel();
      this.#listing.branch(BPF.JEQ, value, label, next);
      this.#listing.place(next);
    }
    this.#listing.go(otherwise);
  }
}

/** In ascending order, so that the order of the endpoints does not show in the program. */
function distinct(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((one, other) => one - other);
}

/** The words of an address as packets carry it: an IPv4-mapped one (RFC 4291, 2.5.5.2) stands for the IPv4 address. */
function wordsOf(address: string): number[] {
  const bytes = parseAddress(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(4 * index));
  const isMapped = words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return isMapped ? words.slice(3) : words;
}
