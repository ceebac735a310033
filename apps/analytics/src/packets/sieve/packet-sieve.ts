import { type Program, VERDICT, webAssembly } from '@bpfleet/bpf';
import { type PacketCursor, type SectionInterface, SectionReading } from '@bpfleet/section';
import { PASSED, RESULT, STOPPED, sieveModule } from './sieve-code.js';

type Sieve = (
  at: number,
  end: number,
  index: number,
  out: number,
  interfaces: number,
  lanes: number,
  results: number,
) => number;

/** What is told of a section, in the order of its bytes. */
export interface SieveVisitor {
  /** @returns whose its packets are: of LANE */
  interface(described: SectionInterface): number;
  /** Gets the same cursor each time. @param matches undefined: the program cannot say */
  packet(packet: PacketCursor, matches: true | undefined): void;
}

const PAGE_BYTES = 64 * 1024;
const WORD_BYTES = 4;
/** A byte for each interface that a section may have. */
const LANES_AT = 0;
const RESULTS_AT = PAGE_BYTES;
const SECTION_AT = 2 * PAGE_BYTES;
/** The least that a packet takes in a section, and what it takes in the list of those that passed. */
const LEAST_PACKET_BYTES = 32;
const PASSED_BYTES = WORD_BYTES * PASSED.words;
/** One section of the largest records there are, and what passes of it. */
const MOST_PAGES = 1024;

/** One for all sieves of a thread: each is through with a section before the next one begins. */
const memory = new webAssembly.Memory({ initial: 16, maximum: MOST_PAGES });

/**
 * Lets those packets of a section through that match, or may: a program and the loop around it in WebAssembly, which takes a tenth of the
 * time that JavaScript takes for a packet, from the first one on.
 */
export class PacketSieve {
  private constructor(private readonly sieve: Sieve) {}

  /** undefined: the program asks for what is not in a packet's bytes. */
  static of(program: Program): PacketSieve | undefined {
    const code = sieveModule(program);
    if (code === undefined) return undefined;
    const { exports } = new webAssembly.Instance(new webAssembly.Module(code), { host: { memory } });
    return new PacketSieve((exports as { readonly sieve: Sieve }).sieve);
  }

  /**
   * @returns how many packets the interfaces have whose packets are somebody's; undefined: the section is damaged, or none of ours, so
   * that what was told of it is not all
   * @throws BpfleetError `SECTION_CORRUPT`
   */
  pass(section: Uint8Array, visitor: SieveVisitor): number | undefined {
    const outAt = SECTION_AT + Math.ceil(section.length / PAGE_BYTES) * PAGE_BYTES;
    if (!hasRoom(outAt + (section.length / LEAST_PACKET_BYTES) * PASSED_BYTES)) return undefined;
    const bytes = new Uint8Array(memory.buffer);
    bytes.set(section, SECTION_AT);
    const results = new Uint32Array(memory.buffer, RESULTS_AT, RESULT.words);
    const reading = new SectionReading(section);
    let [at, index, interfaces, packets] = [SECTION_AT + reading.begin(), 0, 0, 0];
    for (;;) {
      const stopped = this.sieve(at, SECTION_AT + section.length, index, outAt, interfaces, LANES_AT, RESULTS_AT);
      packets += results[RESULT.packets]!;
      this.#tell(reading, new Uint32Array(memory.buffer, outAt, (results[RESULT.out]! - outAt) / WORD_BYTES), visitor);
      if (stopped === STOPPED.atEnd) return packets;
      if (stopped === STOPPED.atFault) return undefined;
      at = results[RESULT.at]!;
      index = results[RESULT.index]!;
      const described = reading.interfaceAt(at - SECTION_AT);
      bytes[LANES_AT + interfaces++] = visitor.interface(described);
      at += lengthAt(bytes, at);
    }
  }

  #tell(reading: SectionReading, passed: Uint32Array, visitor: SieveVisitor): void {
    for (let word = 0; word < passed.length; word += PASSED.words) {
      const packet = reading.packetAt(passed[word + PASSED.at]! - SECTION_AT, passed[word + PASSED.index]!);
      visitor.packet(packet, passed[word + PASSED.verdict] === VERDICT.yes ? true : undefined);
    }
  }
}

function hasRoom(bytes: number): boolean {
  const more = Math.ceil(bytes / PAGE_BYTES) - memory.buffer.byteLength / PAGE_BYTES;
  if (more <= 0) return true;
  if (memory.buffer.byteLength / PAGE_BYTES + more > MOST_PAGES) return false;
  memory.grow(more);
  return true;
}

/** Of a block that was checked. */
const lengthAt = (bytes: Uint8Array, at: number): number =>
  bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
