import type { FilterState } from '@bpfleet/contract';

/** What a source can and cannot do: shown in status, asserted by the tests. */
export interface SourceAbilities {
  /** The kernel runs the filter; user space sees matches only. */
  readonly kernelProgram: boolean;
  readonly nanosecondTime: boolean;
  /** Drops are counted where they happen. */
  readonly kernelCounters: boolean;
  readonly vlanMetadata: boolean;
}

/** One filter version on one interface: in this release each has its own socket and ring. */
export interface CaptureTarget {
  /** `filter@interface`: stays the same when the version changes. */
  readonly key: string;
  readonly filter: string;
  readonly version: number;
  readonly digest: string;
  readonly expression: string;
  readonly snaplenBytes: number;
  readonly interface: { readonly name: string; readonly index: number; readonly linkType: string };
  /** `struct sock_filter` array, own-traffic exclusion included. */
  readonly program: Uint8Array;
}

/** What became of a target: the part of a `FilterState` that the source knows. */
export interface TargetState extends Pick<FilterState, 'state'> {
  readonly key: string;
  readonly reason?: string;
  readonly attachedDigest?: string;
  readonly counters?: { readonly matched: number; readonly droppedByKernel: number; readonly captured: number };
}

/** One closed section, ready to be published. */
export interface ClosedSection {
  readonly seq: number;
  readonly tsMinNs: bigint;
  readonly tsMaxNs: bigint;
  readonly packets: number;
  /** `web@3` */
  readonly filters: readonly string[];
  readonly crc32: number;
  readonly bytes: Uint8Array;
}

export interface SourceEvents {
  section(section: ClosedSection): void;
  /** The source cannot go on: the process should end with this error. */
  fatal(error: unknown): void;
}

/** Where packets come from. Sections come out; what runs is changed while it runs. */
export interface PacketSource {
  readonly kind: 'ring' | 'file';
  readonly abilities: SourceAbilities;
  start(events: SourceEvents): Promise<void>;
  /** Makes exactly these targets run. Resolves with the state of each once all were tried. */
  apply(targets: readonly CaptureTarget[], flushWindowMs: number): Promise<TargetState[]>;
  /** The program of each target read back from the kernel now, and its counters. */
  report(): Promise<TargetState[]>;
  /** Stops capturing, closes the open section (it is emitted) and frees everything. */
  stop(): Promise<void>;
}
