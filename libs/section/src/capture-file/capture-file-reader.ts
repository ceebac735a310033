import { BlockType } from '../format.js';
import { viewOf } from '../walk-blocks.js';
import { type CapturedPacket, corruptFile, type RecordDecoder } from './captured-packet.js';
import { isPcapMagic, PcapDecoder } from './pcap-decoder.js';
import { PcapngDecoder } from './pcapng-decoder.js';
import { PendingBytes } from './pending-bytes.js';

const MAGIC_BYTES = 4;

/**
 * Reads a pcap (µs or ns, both byte orders) or pcapng file that comes in chunks of any size. Keeps at most one
 * incomplete record, whose length was checked first, so a wrong length costs no memory.
 */
export class CaptureFileReader {
  #decoder: RecordDecoder | undefined;
  readonly #pending = new PendingBytes();
  /** Bytes that have to be there before looking again is worth it. */
  #neededBytes = MAGIC_BYTES;
  #fileOffset = 0;

  /**
   * Takes the next chunk and gives the packets that are complete. Their bytes are views, valid until the next call.
   * @throws BpfleetError `CAPTURE_FILE_CORRUPT` with the byte offset; packets before it were delivered
   */
  *push(chunk: Uint8Array): Generator<CapturedPacket, void, void> {
    this.#pending.append(chunk);
    const { bytes } = this.#pending;
    if (bytes.length < this.#neededBytes) return;
    // Whoever stops early leaves an unknown rest: then look again at once.
    this.#neededBytes = 0;
    const view = viewOf(bytes);
    let at = 0;
    try {
      for (;;) {
        const length = this.#recordBytes(view, at);
        if (length > bytes.length - at) {
          this.#neededBytes = length;
          return;
        }
        const packet = this.#decoder!.decode(bytes, view, at, length, this.#fileOffset);
        at += length;
        this.#fileOffset += length;
        if (packet) yield packet;
      }
    } finally {
      // Also when the caller stops early: what follows stays for the next call.
      this.#pending.consume(at);
    }
  }

  /**
   * Says that no chunk follows.
   * @throws BpfleetError `CAPTURE_FILE_CORRUPT` when the file is empty or ends inside a record
   */
  end(): void {
    const { length } = this.#pending.bytes;
    if (this.#decoder === undefined)
      throw corruptFile(0, length === 0 ? 'the file is empty' : 'too short to be a capture file');
    if (length > 0) {
      throw corruptFile(this.#fileOffset, `the file ends after ${length} of ${this.#neededBytes} bytes of a record`);
    }
  }

  /** Length of the record at `at`, or as much of it as has to be there to know. */
  #recordBytes(view: DataView, at: number): number {
    const rest = view.byteLength - at;
    if (this.#decoder === undefined) {
      if (rest < MAGIC_BYTES) return MAGIC_BYTES;
      this.#decoder = decoderFor(view.getUint32(at, true));
    }
    if (rest < this.#decoder.headerBytes) return this.#decoder.headerBytes;
    return this.#decoder.recordBytes(view, at, this.#fileOffset);
  }
}

function decoderFor(magic: number): RecordDecoder {
  if (magic === BlockType.sectionHeader) return new PcapngDecoder();
  if (isPcapMagic(magic)) return new PcapDecoder(magic);
  if ((magic & 0xffff) === 0x8b1f) throw corruptFile(0, 'this is a gzip file', 'unpack it with gunzip first');
  throw corruptFile(0, 'neither pcap nor pcapng', 'convert it with `editcap -F pcapng`');
}

/** Reads a whole capture file that is in memory; the packets' bytes are views of it. */
export function* readCapture(bytes: Uint8Array): Generator<CapturedPacket, void, void> {
  const reader = new CaptureFileReader();
  yield* reader.push(bytes);
  reader.end();
}

/** Reads a capture file as it streams in. A packet's bytes are valid until the next packet is asked for. */
export async function* readCaptureStream(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<CapturedPacket, void, void> {
  const reader = new CaptureFileReader();
  for await (const chunk of chunks) yield* reader.push(chunk);
  reader.end();
}
