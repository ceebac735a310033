/**
 * Rows as they arrive, for one who takes them meanwhile. Whoever brings them never waits: what is not taken is kept, so
 * that a slow reader holds no connection.
 */
export class ArrivingRows<Row> {
  readonly #waiting: Row[] = [];
  #taken = 0;
  #last: Row | undefined;
  #isThrough = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** @param bring calls `add` for each row, and resolves behind the last one */
  constructor(bring: (add: (row: Row) => void) => Promise<void>) {
    bring((row) => this.#add(row)).then(
      () => this.#end(),
      // Told to the one who takes; where that one has gone away nobody asks.
      (error: unknown) => this.#end({ error }),
    );
  }

  /** Arrived so far. */
  get count(): number {
    return this.#waiting.length;
  }

  /** The one that arrived last. */
  get last(): Row | undefined {
    return this.#last;
  }

  /** Arrived and not taken. */
  get waiting(): number {
    return this.#waiting.length - this.#taken;
  }

  /** The next row; undefined behind the last one. @throws what bringing them failed with, behind the rows before */
  async take(): Promise<Row | undefined> {
    while (this.waiting === 0 && !this.#isThrough) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.waiting > 0) return this.#takeWaiting();
    if (this.#failure) throw this.#failure.error;
    return undefined;
  }

  #takeWaiting(): Row {
    const row = this.#waiting[this.#taken]!;
    // Given away: its memory is the taker's to free.
    delete this.#waiting[this.#taken++];
    return row;
  }

  #add(row: Row): void {
    this.#waiting.push(row);
    this.#last = row;
    this.#wake?.();
  }

  #end(failure?: { readonly error: unknown }): void {
    this.#isThrough = true;
    this.#failure = failure;
    this.#wake?.();
  }
}
