import { AgentSettings, Digest, DsseEnvelope, FilterProgram, Labels, Nonce, PublicKey } from '@bpfleet/contract';
import { errorCodes } from '@bpfleet/errors';
import { z } from 'zod';
import type {
  CaptureBranch,
  CaptureMember,
  CaptureSocket,
  DesireAnswer,
  FilterOutcome,
  InterfaceMembers,
  OpenerEvent,
  OpenerHello,
  SocketSwap,
} from './opener-port.js';

/** What passes between opener and agent, one JSON text per frame. Both sides read it with these schemas and nothing else. */

const Count = z.int().nonnegative();
const Id = z.int().nonnegative();
const Name = z.string().max(256);
const MAX_MEMBERS = 1024;
/** Interfaces of one socket. */
const MAX_SHARING = 1024;
/** A bundle has at most 4 MiB (`bundleKind`), in base64 a third more. */
const MAX_BUNDLE_CHARACTERS = 6 * 1024 * 1024;

const SelfTestCount = z.strictObject({ packets: Count, inKernel: Count });

const Member = z.strictObject({
  filter: Name,
  version: z.int().positive(),
  digest: Digest,
  expression: z.string().max(65_536),
  snaplenBytes: z.int().positive(),
  program: FilterProgram,
  sampling: z.int().positive(),
  budget: z.strictObject({ packetsPerSecond: Count, bytesPerSecond: Count }),
  selfTest: SelfTestCount.exactOptional(),
}) satisfies z.ZodType<CaptureMember>;

const Interface = z.strictObject({
  name: Name,
  index: z.int(),
  linkType: Name,
  cooked: z.boolean(),
  isLoopback: z.boolean().exactOptional(),
});

const Branch = z.strictObject({
  interfaces: z.array(Interface).min(1).max(MAX_SHARING),
  members: z.array(Member).max(MAX_MEMBERS),
}) satisfies z.ZodType<CaptureBranch>;
const Branches = z.array(Branch).min(1).max(MAX_SHARING);

const Swap = z.strictObject({ id: Id, branches: Branches }) satisfies z.ZodType<SocketSwap>;

const Socket = z.strictObject({
  id: Id,
  isShared: z.boolean(),
  branches: Branches,
  ring: z.strictObject({
    blockBytes: z.int().positive(),
    blockCount: z.int().positive(),
    skipOutgoing: z.boolean(),
  }),
  isOwnSocket: z.boolean(),
  wasRead: z.boolean(),
  openedAtMs: z.number(),
  swap: Swap.exactOptional(),
  takesOver: z.array(Id).max(MAX_MEMBERS).exactOptional(),
}) satisfies z.ZodType<CaptureSocket>;

const Outcome = z.strictObject({
  filter: Name,
  version: z.int().positive(),
  digest: Digest,
  interface: Name,
  linkType: Name,
  state: z.enum(['pending', 'attested', 'attested (loaded)', 'reported', 'diverged', 'refused', 'not applicable']),
  reason: z.string().exactOptional(),
  code: z.enum(errorCodes).exactOptional(),
  socket: Id.exactOptional(),
  attachedDigest: Digest.exactOptional(),
  selfTest: SelfTestCount.exactOptional(),
}) satisfies z.ZodType<FilterOutcome>;

const Hello = z.strictObject({
  agent: Name,
  epoch: Count,
  delegation: DsseEnvelope,
  identityPublicKey: PublicKey,
}) satisfies z.ZodType<OpenerHello>;

const Members = z.strictObject({
  interface: Interface,
  members: z.array(Member).max(MAX_MEMBERS),
}) satisfies z.ZodType<InterfaceMembers>;

const Desired = z.strictObject({
  generation: Count,
  settings: AgentSettings,
  members: z.array(Members),
  outcomes: z.array(Outcome),
}) satisfies z.ZodType<DesireAnswer>;

/** The calls of `OpenerPort` as they travel: what is asked, and what comes back. */
export const calls = {
  hello: { request: z.strictObject({ sessionPublicKey: PublicKey }), answer: Hello },
  /** Bundles travel ahead of the state that names them, one by one: together they may be longer than a frame. */
  bundle: { request: z.strictObject({ payload: z.string().max(MAX_BUNDLE_CHARACTERS) }), answer: z.null() },
  desire: {
    request: z.strictObject({
      state: DsseEnvelope,
      leftOut: z
        .array(
          z.strictObject({
            digest: Digest,
            filter: Name,
            version: z.int().positive(),
            isDamaged: z.literal(true).exactOptional(),
          }),
        )
        .max(MAX_MEMBERS)
        .exactOptional(),
      excluded: z
        .array(z.strictObject({ address: z.string().max(45), port: z.int().min(0).max(65_535) }))
        .max(MAX_MEMBERS),
    }),
    answer: Desired,
  },
  challenge: { request: z.strictObject({}), answer: z.strictObject({ nonce: Nonce, wantsState: z.boolean() }) },
  cut: { request: z.strictObject({ socket: Id, swap: Id }), answer: z.null() },
  drained: { request: z.strictObject({ socket: Id }), answer: z.null() },
  attest: {
    request: z.strictObject({ nonce: z.string().max(128).exactOptional() }),
    answer: z.strictObject({
      generation: Count,
      outcomes: z.array(Outcome),
      statements: z.array(DsseEnvelope),
      troubles: z.array(z.string()).max(16),
      notExcluded: z.string().optional(),
      asRoot: z.string().optional(),
    }),
  },
  pin: { request: z.strictObject({ keys: z.array(PublicKey).min(1).max(16) }), answer: z.null() },
  enrolment: { request: z.strictObject({ labels: Labels }), answer: DsseEnvelope },
} as const;

export type CallName = keyof typeof calls;
export type CallRequest<C extends CallName> = z.output<(typeof calls)[C]['request']>;
export type CallAnswer<C extends CallName> = z.output<(typeof calls)[C]['answer']>;

const callNames = Object.keys(calls) as [CallName, ...CallName[]];

/** First the envelope, then what is in it, by the schema of the call. */
export const RequestFrame = z.strictObject({ id: Id, call: z.enum(callNames), request: z.unknown() });

const Failure = z.strictObject({
  code: z.enum(errorCodes),
  message: z.string(),
  hint: z.string().exactOptional(),
});
export type Failure = z.infer<typeof Failure>;

/** A socket's descriptor came before, on the other channel. */
export type EventMessage = Exclude<OpenerEvent, { kind: 'socket' }> | Omit<SocketEvent, 'fd'>;
type SocketEvent = Extract<OpenerEvent, { kind: 'socket' }>;

const Event = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('socket'), socket: Socket }),
  z.strictObject({ kind: z.literal('swap'), socket: Id, swap: Swap }),
  z.strictObject({ kind: z.literal('draining'), socket: Id }),
  z.strictObject({ kind: z.literal('members'), members: z.array(Members) }),
  z.strictObject({ kind: z.literal('changed') }),
]) satisfies z.ZodType<EventMessage>;

/**
 * What the opener sends. `confined`: whether it found the agent's process to be confined. `stop` comes in place of SIGTERM, which
 * an opener without CAP_KILL may not send to another user's process.
 */
export const OpenerFrame = z.union([
  z.strictObject({ id: Id, confined: z.boolean(), answer: z.unknown() }),
  z.strictObject({ id: Id, confined: z.boolean(), error: Failure }),
  z.strictObject({ event: Event }),
  z.strictObject({ stop: z.literal(true) }),
]);
export type OpenerFrame = z.infer<typeof OpenerFrame>;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export const encodeMessage = (message: unknown): Uint8Array => encoder.encode(JSON.stringify(message));

/** @returns undefined for what is no JSON */
export function decodeMessage(payload: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(payload));
  } catch {
    // Whoever counts what was refused asks no more.
    return undefined;
  }
}
