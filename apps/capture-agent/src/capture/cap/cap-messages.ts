/** What the process that has `cap` is asked for, and what it says of it. `device`: a number of the asking side's. */
export type CapOrder =
  | { readonly kind: 'open'; readonly device: number; readonly name: string; readonly bufferBytes: number }
  | { readonly kind: 'close'; readonly device: number }
  /** Writes what it has, and ends. */
  | { readonly kind: 'stop' };

export type CapNews =
  | { readonly kind: 'opened'; readonly device: number; readonly linkType: string }
  | { readonly kind: 'failed'; readonly device: number; readonly reason: string };
