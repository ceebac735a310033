import { BpfleetError } from '@bpfleet/errors';
import { z } from 'zod';
import { AgentId, Digest, Endpoint, InterfacePatterns, Nonce } from '../naming.js';
import { documentKind, parsePayload } from './document.js';
import { DsseSignature, openEnvelope } from './envelope.js';
import { PublicKey, type SignatureCrypto } from './keys.js';

/** That one state names, and that an agent remembers of all. */
const MAX_REVOKED_KEYS = 256;
const Instant = z.iso.datetime();

/** One bundle that should run. Its signatures travel here, so that a bundle outlives the key that first signed it. */
export const DesiredEntry = z.object({
  digest: Digest,
  signatures: z.array(DsseSignature).min(1).max(16),
  interfaces: InterfacePatterns,
  /** By the service's time; prolonged by a new generation. Without it: until a generation leaves it out. */
  notAfter: Instant.optional(),
});
export type DesiredEntry = z.infer<typeof DesiredEntry>;

/** Limits of an agent as a whole; what is left out is as the agent is configured. */
export const AgentBudgets = z.object({
  /** Of one core, all processes of the agent together. */
  cpuPercent: z.number().positive().max(100_000).optional(),
  memoryBytes: z.int().positive().optional(),
  spoolBytes: z.int().positive().optional(),
  sendBytesPerSecond: z.int().positive().optional(),
});
export type AgentBudgets = z.infer<typeof AgentBudgets>;

export const AgentSettings = z.object({
  flushWindowMs: z.int().min(10).max(60_000).default(200),
  reportIntervalMs: z.int().min(500).max(600_000).default(60_000),
  budgets: AgentBudgets.default({}),
});
export type AgentSettings = z.infer<typeof AgentSettings>;

/** What one agent should run. */
export const DesiredState = z.object({
  agent: AgentId,
  /** Grows with each change of the rest. An agent refuses a lower one than it had. */
  generation: z.int().nonnegative(),
  /** The service's time: agents go by it, not by their host's clock. */
  issuedAt: Instant,
  /** What the agent asked with: who finds its own here knows that the rest was signed after it asked, `issuedAt` too. */
  nonce: Nonce.optional(),
  entries: z.array(DesiredEntry).max(1024),
  settings: AgentSettings,
  /** Endpoints of the control and data plane. The agent adds those it is configured with. */
  excluded: z.array(Endpoint).max(256),
  linkerVersion: z.int().positive(),
  /** The keys that are trusted from here on. */
  keys: z.array(PublicKey).min(1).max(16),
  /** Keys that are never trusted again, in whatever state they turn up. */
  revokedKeys: z.array(PublicKey).max(MAX_REVOKED_KEYS),
});
export type DesiredState = z.infer<typeof DesiredState>;

export const desiredStateKind = documentKind({
  payloadType: 'application/vnd.bpfleet.desired+json',
  schema: DesiredState,
  maxBytes: 1024 * 1024,
});

/** The signing keys that an agent goes by: pinned when it enrols, then moved on by the states that it accepts. */
export const Trust = z.object({
  keys: z.array(PublicKey).max(16),
  revokedKeys: z.array(PublicKey).max(MAX_REVOKED_KEYS),
});
export type Trust = z.infer<typeof Trust>;

/** What an agent knows when a desired state comes. */
export interface DesiredContext {
  readonly agent: string;
  readonly trust: Trust;
  /** The highest that it ever accepted; -1 before the first. */
  readonly generation: number;
  readonly crypto: SignatureCrypto;
}

/**
 * Decides whether a desired state is to be followed: signed by a key that is trusted already, for this agent, and not
 * older than the one before (the same one again is).
 * @returns the state, and the keys that are trusted from here on: they verify its bundles
 * @throws BpfleetError `SIGNATURE_INVALID`, `DOCUMENT_INVALID`, `VERSION_CONFLICT` for an older generation
 */
export function acceptDesired(envelope: unknown, context: DesiredContext): { state: DesiredState; trust: Trust } {
  const { agent, generation, crypto } = context;
  const { payloadType, maxBytes } = desiredStateKind;
  const payload = openEnvelope(envelope, payloadType, maxBytes, { keys: context.trust.keys, crypto });
  const state = parsePayload(desiredStateKind, payload);
  if (state.agent !== agent) {
    throw new BpfleetError('DOCUMENT_INVALID', `this desired state is for agent ${state.agent}, not for ${agent}`);
  }
  if (state.generation < generation) {
    throw new BpfleetError(
      'VERSION_CONFLICT',
      `desired state has generation ${state.generation}, ${generation} was there already`,
      { hint: 'the filter-manager goes on above that once it has the agent’s next status' },
    );
  }
  return { state, trust: trustAfter(context.trust, state) };
}

/** @returns why an entry does not run any more, `EXPIRED`; undefined: it does */
export function expiryOf(
  { notAfterMs }: { readonly notAfterMs: number | undefined },
  serviceTimeMs: number,
): BpfleetError | undefined {
  if (notAfterMs === undefined || serviceTimeMs <= notAfterMs) return undefined;
  const end = new Date(notAfterMs).toISOString();
  return new BpfleetError('EXPIRED', `it was to run until ${end} by the filter-manager’s clock`, {
    hint: 'the filter-manager prolongs what goes on running: does the agent reach it?',
  });
}

function trustAfter(before: Trust, state: DesiredState): Trust {
  const named = new Set(state.revokedKeys);
  // Of too many, those go that were named longest ago: whoever signs states could trust any key again.
  const revokedKeys = [...before.revokedKeys.filter((key) => !named.has(key)), ...named].slice(-MAX_REVOKED_KEYS);
  const keys = [...new Set(state.keys)].filter((key) => !revokedKeys.includes(key));
  if (keys.length > 0) return { keys, revokedKeys };
  throw new BpfleetError('DOCUMENT_INVALID', 'this desired state leaves no key that could sign the next one');
}
