import { type WasmMemory, webAssembly } from '@bpfleet/bpf';
import { addressOf, mapNothing, mapShared } from '../calls/libc.js';

/** Of WebAssembly (its core specification, 4.2.8). */
const PAGE_BYTES = 64 * 1024;

export interface WindowPart {
  readonly descriptor: number;
  readonly sizeBytes: number;
}

/**
 * Memory of WebAssembly in which files and rings are mapped, one behind the other: code there reads and writes what is outside of
 * V8's heap. Each may be mapped elsewhere as well, for JavaScript.
 */
export class WasmWindow {
  #isOpen = true;

  private constructor(
    readonly memory: WasmMemory,
    /** Where each part begins. */
    readonly offsets: readonly number[],
    /** Behind them: memory of nobody else's. */
    readonly spareAt: number,
  ) {}

  /** @throws SystemCallError, RangeError where there are no addresses for so much */
  static open(parts: readonly WindowPart[], spareBytes = 0): WasmWindow {
    const pagesOf = (sizeBytes: number): number => Math.ceil(sizeBytes / PAGE_BYTES);
    const pages = parts.map(({ sizeBytes }) => pagesOf(sizeBytes));
    const mapped = pages.reduce((total, count) => total + count, 0);
    const sum = mapped + pagesOf(spareBytes);
    const memory = new webAssembly.Memory({ initial: sum, maximum: sum });
    const offsets = pages.map(
      (_, part) => PAGE_BYTES * pages.slice(0, part).reduce((total, count) => total + count, 0),
    );
    const window = new WasmWindow(memory, offsets, PAGE_BYTES * mapped);
    const start = window.#address;
    for (const [part, { descriptor, sizeBytes }] of parts.entries()) {
      mapShared(descriptor, sizeBytes, start + BigInt(offsets[part]!));
    }
    return window;
  }

  /** Lets go of what is mapped: from here on it holds zeros, and what is written there is lost. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    mapNothing(this.#address, this.memory.buffer.byteLength);
  }

  get #address() {
    return addressOf(new Uint8Array(this.memory.buffer));
  }
}
