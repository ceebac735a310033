import type { AgentSettings, FilterProgram } from '@bpfleet/contract';
import type { ErrorCode } from '@bpfleet/errors';

/** One filter version on one socket: all that user space needs to decide again which packets are its own. */
export interface CaptureMember {
  readonly filter: string;
  readonly version: number;
  /** sha256 of the bundle. */
  readonly digest: string;
  readonly expression: string;
  readonly snaplenBytes: number;
  /** The kernel form for the socket's link type. */
  readonly program: FilterProgram;
  /** 1 of N packets that match is kept; 1: all. */
  readonly sampling: number;
  /** What the filter may take; 0: no limit. */
  readonly budget: { readonly packetsPerSecond: number; readonly bytesPerSecond: number };
  /** What it was tried with before it was attached. */
  readonly selfTest?: { readonly packets: number; readonly inKernel: number };
}

export interface SocketInterface {
  readonly name: string;
  readonly index: number;
  /** Of the packets as they are stored: `EN10MB`, `RAW`, `LINUX_SLL2` … */
  readonly linkType: string;
  /** SOCK_DGRAM: the kernel shows packets without their link-layer header; user space puts a cooked one in front. */
  readonly cooked: boolean;
  /** `lo`: it shows each packet twice, going out and coming in. */
  readonly isLoopback?: boolean;
}

/** Interfaces of one socket on which the same filters run, in the same form. */
export interface CaptureBranch {
  readonly interfaces: readonly SocketInterface[];
  readonly members: readonly CaptureMember[];
}

/** A packet socket that the opener holds, with a TPACKET_V3 ring. */
export interface CaptureSocket {
  /** The opener's number; never used again while it lives. */
  readonly id: number;
  /** It is bound to no interface: each packet tells where it was seen. Otherwise there is one branch, with one interface. */
  readonly isShared: boolean;
  readonly branches: readonly CaptureBranch[];
  readonly ring: { readonly blockBytes: number; readonly blockCount: number; readonly skipOutgoing: boolean };
  /** Its one member decides by what user space cannot see: the kernel's word is the attribution. It never gets another one. */
  readonly isOwnSocket: boolean;
  /** A process before read its ring. */
  readonly wasRead: boolean;
  /** Since when packets pass it, Unix ms. */
  readonly openedAtMs: number;
  /** A swap that nobody has cut yet: its union is attached. */
  readonly swap?: SocketSwap;
  /** Sockets that it takes over from: their filters pass both. Nobody has cut yet, by `TAKEN_OVER`. */
  readonly takesOver?: readonly number[];
}

/** In place of a swap's number: packets from a moment on are of the socket that took over. */
export const TAKEN_OVER = 0;

export interface SocketSwap {
  /** Grows with each swap of the socket. */
  readonly id: number;
  readonly branches: readonly CaptureBranch[];
}

export type OpenerEvent =
  /** `fd` is this process's own descriptor of it; whoever gets the event closes it. */
  | { readonly kind: 'socket'; readonly socket: CaptureSocket; readonly fd: number }
  | { readonly kind: 'swap'; readonly socket: number; readonly swap: SocketSwap }
  | { readonly kind: 'draining'; readonly socket: number }
  /** Interfaces came or went, or entries ended: only where there are no sockets to tell of it. */
  | { readonly kind: 'members'; readonly members: readonly InterfaceMembers[] }
  | { readonly kind: 'changed' };

/** What runs on an interface that a source reads without a socket of the opener's. */
export interface InterfaceMembers {
  readonly interface: SocketInterface;
  readonly members: readonly CaptureMember[];
}

/** What became of a filter version on one interface. */
export interface FilterOutcome {
  readonly filter: string;
  readonly version: number;
  readonly digest: string;
  readonly interface: string;
  readonly linkType: string;
  readonly state: 'pending' | 'attested' | 'attested (loaded)' | 'reported' | 'diverged' | 'refused' | 'not applicable';
  /** Shown as it is: why not, or `own socket`. */
  readonly reason?: string;
  readonly code?: ErrorCode;
  /** The socket that it runs on. */
  readonly socket?: number;
  /** sha256 of the program that was read back. */
  readonly attachedDigest?: string;
  /** Packets tried before it was attached. */
  readonly selfTest?: { readonly packets: number; readonly inKernel: number };
}

export interface OpenerHello {
  readonly agent: string;
  readonly epoch: number;
  /** DSSE envelope: the identity key's word for the session key, for this epoch alone. */
  readonly delegation: unknown;
  /** Raw Ed25519 key, base64. */
  readonly identityPublicKey: string;
}

/** A bundle by digest, and by what it says of itself. */
export interface NamedBundle {
  readonly digest: string;
  readonly filter: string;
  readonly version: number;
}

/** One that is not handed over. */
export interface LeftOutBundle extends NamedBundle {
  /** It is not on disk any more as it was, and there is nobody to ask for it. Otherwise it is too much for this agent. */
  readonly isDamaged?: true;
}

export interface DesireOrder {
  /** DSSE envelope of the desired state, as it came. */
  readonly state: unknown;
  /** Payload bytes of the bundles that it names, base64, as they came. */
  readonly bundles: readonly string[];
  /** Those that are too much for one agent (`MAX_BUNDLES_BYTES`) or damaged, as they name themselves. */
  readonly leftOut?: readonly LeftOutBundle[];
  /**
   * bpfleet's own connections, as addresses: the agent resolves names, since the opener asks no network. Whatever it says,
   * statements name it.
   */
  readonly excluded: readonly { readonly address: string; readonly port: number }[];
}

export interface DesireAnswer {
  readonly generation: number;
  readonly settings: AgentSettings;
  /** Verified members for sources that have no socket (replay of a file, `cap`). */
  readonly members: readonly InterfaceMembers[];
  readonly outcomes: readonly FilterOutcome[];
}

/** What to ask the filter-manager with for the next state. */
export interface ChallengeAnswer {
  /** Stands in the signed state that answers; the next one ends this one. */
  readonly nonce: string;
  /** A state is wanted that is there already, for the sake of its time. */
  readonly wantsState: boolean;
}

/** What runs, and what the opener has trouble with. */
export interface Attested {
  /** The highest that it accepted, by whatever process of whatever epoch; 0 before the first. */
  readonly generation: number;
  readonly outcomes: readonly FilterOutcome[];
  /** DSSE envelopes, signed by the identity key. */
  readonly statements: readonly unknown[];
  /** What it cannot keep on its disk, for people. */
  readonly troubles: readonly string[];
  /** Which connections may be captured though they were called bpfleet's own, for people. */
  readonly notExcluded?: string | undefined;
  /** Why the agent process has the rights of root, and what to do, for people. */
  readonly asRoot?: string | undefined;
}

/** The privileged side, as the agent sees it (docs/30-capture-agent.md). */
export interface OpenerPort {
  readonly isConfined: boolean;
  start(onEvent: (event: OpenerEvent) => void): Promise<void>;
  hello(sessionPublicKey: string): Promise<OpenerHello>;
  /** @throws BpfleetError `SIGNATURE_INVALID`, `VERSION_CONFLICT` (an older generation), `BUNDLE_INVALID` */
  desire(order: DesireOrder): Promise<DesireAnswer>;
  challenge(): Promise<ChallengeAnswer>;
  cut(socket: number, swap: number): Promise<void>;
  drained(socket: number): Promise<void>;
  /**
   * What runs, read back now; signed statements when a nonce of the service is given. Another nonce than the one before says that
   * the service has what was told before: until then a divergence is told again.
   */
  attest(nonce?: string): Promise<Attested>;
  /** Pins the filter-manager's keys at the first enrolment; once there are any, they only change by signed states. */
  pin(keys: readonly string[]): Promise<void>;
  /** The enrolment document signed by the identity key: a DSSE envelope. */
  enrolment(labels: Readonly<Record<string, string>>): Promise<unknown>;
  stop(): Promise<void>;
}
