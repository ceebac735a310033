import type { ExcludedEndpoint } from '@bpfleet/pcap-filter';
import type { DesireAnswer, OpenerEvent } from '../../border/opener-port.js';
import type { RecordHeader } from '../../spool/record-header.js';
import type { StoredSection } from '../../spool/section-store.js';
import type { BudgetStep } from '../attribution/budget.js';
import type { CaptureCounters } from '../ring/capture-messages.js';

/** What a source can and cannot do: shown in status, asserted by the tests. */
export interface SourceAbilities {
  /** The kernel runs the filters; user space sees matches only. */
  readonly kernelProgram: boolean;
  readonly nanosecondTime: boolean;
  /** Tells packets that the host sends from those that it gets. */
  readonly direction: boolean;
  /** What the kernel drops is counted. */
  readonly kernelCounters: boolean;
  readonly vlanMetadata: boolean;
}

export interface SourceEvents {
  /** New sections are in the spool. */
  spooled(): void;
  /** The spool took no section: it is the receiver's from here on. */
  refused(header: RecordHeader, bytes: Uint8Array<ArrayBuffer>, error: { code: string; message: string }): void;
  /** A filter keeps more or less of its packets from here on, by its budget or the agent's. */
  stepped(filter: string, step: BudgetStep): void;
  /** A source that has an end is there, with what it counted: whatever runs on, no packet follows. */
  ended?(facts: Readonly<Record<string, string | number>>): void;
  /** The source cannot go on: the process should end with this error. */
  fatal(error: unknown): void;
}

/** What sections say of their maker, and where they go. */
export interface CaptureRun {
  readonly agent: string;
  readonly epoch: number;
  readonly spoolFolder: string;
  /** Above all that are or were in the spool. */
  readonly firstSegment: number;
  readonly boot: number;
  readonly bootTimeOriginMs: number;
  readonly ledgerBefore: Readonly<Record<string, string>>;
  readonly hardware: string;
  readonly operatingSystem: string;
  readonly application: string;
}

/** Where packets come from. Sections go to the spool; what is captured is changed while it runs. */
export interface PacketSource {
  readonly kind: 'ring' | 'file' | 'cap';
  readonly abilities: SourceAbilities;
  /** Of rings, in this process. */
  readonly mappedBytes: number;
  start(run: CaptureRun, events: SourceEvents): Promise<void>;
  /** In words: interfaces that cannot be read, with the reason. */
  readonly troubles: readonly string[];
  /**
   * What is desired now. Sources without sockets filter with its members from here on.
   * @param excluded bpfleet's own connections, which no source captures
   */
  apply(desired: DesireAnswer, excluded: readonly ExcludedEndpoint[]): Promise<void>;
  /** A socket came, changes or goes; for sources without sockets: other members from here on. */
  follow(event: OpenerEvent): void;
  /** A section that the spool did not take before: once more, as `spooled` or `refused` has told when it is done. */
  spool(section: StoredSection): Promise<void>;
  /** The agent's own CPU budget: no filter keeps more than this step allows. */
  throttle(step: BudgetStep): void;
  /** Frees the memory that it can do without. */
  collect(): void;
  counters(): Promise<CaptureCounters>;
  /** Stops reading; the open section is in the spool then, and everything is freed. */
  stop(): Promise<void>;
}
