import { z } from 'zod';
import { AgentId, Digest } from '../naming.js';
import { documentKind } from './document.js';

/** How an agent knows what its kernel runs. */
export const Evidence = z.discriminatedUnion('kind', [
  /** cBPF: `hash` is over the bytes that SO_GET_FILTER gave back. */
  z.object({ kind: z.literal('read back') }),
  /** eBPF, which cannot be read back from a socket: what the descriptor says, and packets that were tried through it. */
  z.object({
    kind: z.literal('loaded'),
    /** First 8 bytes of the kernel's hash over the instructions, in hex, and which hash this kernel takes. */
    tag: z.string().regex(/^[0-9a-f]{16}$/),
    tagHash: z.enum(['sha1', 'sha256']),
    /** sha256 over the content of each map as it was read back. */
    maps: z.array(Digest).max(64),
    mapsFrozen: z.boolean(),
    canary: z.object({ packets: z.int().nonnegative(), passed: z.int().nonnegative() }),
  }),
  z.object({ kind: z.literal('none'), reason: z.string().max(500) }),
]);
export type Evidence = z.infer<typeof Evidence>;

/** Interfaces on which the same members run, by their indexes as the program asks for them. */
const StatedBranch = z.object({
  interfaces: z
    .array(
      z.object({
        name: z.string().min(1).max(64),
        index: z.int().positive(),
        /** It shows each packet twice; the program refuses those that go out. */
        isLoopback: z.boolean().optional(),
      }),
    )
    .min(1)
    .max(1024),
  linkType: z.string().min(1).max(40),
  /** Places in the `members` of the statement. */
  members: z.array(z.int().nonnegative()).max(1024),
});

/**
 * What one socket of an agent runs, signed by its identity key. It names everything that the linker was given, so that
 * the service computes the same program and compares.
 */
export const Statement = z.object({
  agent: AgentId,
  epoch: z.int().nonnegative(),
  /** `*`, as the link type: of a socket that is bound to none, `branches` say what runs where. */
  interface: z.string().min(1).max(64),
  generation: z.int().nonnegative(),
  linkerVersion: z.int().positive(),
  linkType: z.string().min(1).max(40),
  target: z.enum(['cbpf', 'ebpf']),
  /** Bundles in the program. */
  members: z.array(Digest).max(1024),
  branches: z.array(StatedBranch).min(1).max(1024).optional(),
  /** Connections that the program refuses: addresses as the host resolved them. */
  excluded: z.array(z.object({ address: z.string().max(45), port: z.int().min(0).max(65_535) })).max(1024),
  /** sha256 over the instructions as the kernel takes them: `struct sock_filter`, or `struct bpf_insn` with map descriptors 0. */
  hash: Digest,
  evidence: Evidence,
  /** The service's, so that no statement is from before it was asked for. */
  nonce: z.string().max(128),
  at: z.iso.datetime(),
});
export type Statement = z.infer<typeof Statement>;

export const statementKind = documentKind({
  payloadType: 'application/vnd.bpfleet.statement+json',
  schema: Statement,
  maxBytes: 128 * 1024,
});
