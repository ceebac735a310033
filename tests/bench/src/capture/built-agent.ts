/** What the bench uses of apps/capture-agent, of which it imports no source. Its integration tests use the same parts. */
export interface Built {
  readonly Opener: new (options: object) => BuiltOpener;
  readonly RingSource: new (
    opener: BuiltOpener,
    resumeAt: readonly never[],
    logger: Pick<Console, 'warn'>,
  ) => BuiltSource;
  readonly DiskSpool: new (folder: string, limits: object, boot: number, nowMs: () => number) => BuiltSpool;
  readonly SigningService: new (agent: string) => BuiltSigningService;
}

type Answer = { readonly outcomes: readonly { filter: string; state: string; reason?: string }[] };

interface BuiltOpener {
  start(onEvent: (event: unknown) => void): Promise<void>;
  pin(keys: readonly string[]): Promise<void>;
  hello(sessionPublicKey: string): Promise<{ readonly epoch: number }>;
  desire(order: unknown): Promise<Answer>;
  attest(): Promise<Answer>;
  stop(): Promise<void>;
}

interface BuiltSource {
  readonly mappedBytes: number;
  start(run: object, events: SourceEvents): Promise<void>;
  apply(answer: Answer): Promise<void>;
  follow(event: unknown): void;
  counters(): Promise<{ readonly sockets: readonly { passed: number; dropped: number; taken: number }[] }>;
  stop(): Promise<void>;
}

interface SourceEvents {
  spooled(): void;
  stepped(): void;
  refused(header: unknown, bytes: unknown, error: unknown): void;
  fatal(error: unknown): void;
}

interface BuiltSpool {
  readonly firstSegment: number;
  open(): Promise<void>;
  refresh(): Promise<void>;
  take(maxBytes: number): Promise<readonly { readonly bytes: Uint8Array }[]>;
  acknowledge(): Promise<void>;
  readonly counts: { readonly waiting: { readonly packets: number } };
  close(): Promise<void>;
}

interface BuiltSigningService {
  readonly key: { readonly publicKey: string };
  desire(filters: readonly object[]): unknown;
}
