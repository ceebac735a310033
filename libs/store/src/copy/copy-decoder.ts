/** Signature and flags of the binary format; then the length of the header extension. */
const HEADER_BYTES = 11 + 4;

/** One field as Postgres sent it; null for NULL. Valid until the next row is asked for, unless copied. */
export type CopyField = Buffer | null;

/**
 * Reads COPY … TO STDOUT (FORMAT binary) from chunks cut anywhere. Holds one row at a time, and no more of the chunks
 * than the piece that is not read yet.
 */
export class CopyDecoder {
  readonly #rows: Generator<number | CopyField[], void, Buffer>;
  #pieces: Buffer[] = [];
  #available = 0;
  /** How many bytes the reader waits for; 0 after the trailer. */
  #wanted: number;

  constructor() {
    this.#rows = readRows();
    this.#wanted = this.#rows.next().value as number;
  }

  /** The rows that this chunk completes. */
  *push(chunk: Buffer): Generator<CopyField[]> {
    this.#pieces.push(chunk);
    this.#available += chunk.byteLength;
    while (this.#wanted > 0 && this.#available >= this.#wanted) {
      let step = this.#rows.next(this.#take(this.#wanted));
      if (!step.done && typeof step.value !== 'number') {
        yield step.value;
        step = this.#rows.next();
      }
      this.#wanted = step.done ? 0 : (step.value as number);
    }
  }

  /** Whether the trailer was read: a transfer that broke off has none. */
  get isComplete(): boolean {
    return this.#wanted === 0;
  }

  #take(length: number): Buffer {
    this.#available -= length;
    const first = this.#pieces[0]!;
    if (first.byteLength > length) {
      this.#pieces[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    if (first.byteLength === length) {
      this.#pieces.shift();
      return first;
    }
    return this.#join(length);
  }

  #join(length: number): Buffer {
    const joined = Buffer.allocUnsafeSlow(length);
    let end = 0;
    while (end < length) {
      const piece = this.#pieces[0]!;
      const copied = piece.copy(joined, end);
      end += copied;
      if (copied === piece.byteLength) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(copied);
    }
    return joined;
  }
}

/** Yields a number to ask for that many bytes (never 0), and a row when it has one. */
function* readRows(): Generator<number | CopyField[], void, Buffer> {
  yield HEADER_BYTES;
  const extensionBytes = (yield 4).readInt32BE();
  if (extensionBytes > 0) yield extensionBytes;
  for (;;) {
    const count = (yield 2).readInt16BE();
    if (count === -1) return;
    const fields: CopyField[] = [];
    for (let index = 0; index < count; index++) {
      const length = (yield 4).readInt32BE();
      if (length === -1) fields.push(null);
      else fields.push(length === 0 ? Buffer.alloc(0) : yield length);
    }
    yield fields;
  }
}
