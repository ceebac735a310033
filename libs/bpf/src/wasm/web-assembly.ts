/** What we use of the WebAssembly JavaScript Interface, which TypeScript declares for browsers alone. */
export interface WasmMemory {
  /** Another one after `grow`. */
  readonly buffer: ArrayBuffer;
  /** By so many pages. @throws RangeError */
  grow(pages: number): number;
}
export type WasmModule = object;

interface WebAssemblyInterface {
  /** Sizes in pages of 64 KiB. @throws RangeError where there are no addresses for so much */
  readonly Memory: new (size: {
    readonly initial: number;
    readonly maximum: number;
  }) => WasmMemory;
  /** @throws WebAssembly.CompileError */
  readonly Module: new (
    bytes: Uint8Array<ArrayBuffer>,
  ) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: unknown };
}

export const { WebAssembly: webAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyInterface };
