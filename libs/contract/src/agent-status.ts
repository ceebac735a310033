import { z } from 'zod';
import { AgentId, Digest, FilterName, Labels, Timestamp } from './naming.js';
import { DsseEnvelope } from './signed/envelope.js';

const Count = z.int().nonnegative();

/** How many rows each list of a status has at most: an agent leaves out the rest and says so, and all of it fits into a call. */
export const statusLimits = { filters: 8192, statements: 512, errors: 50, ledgerRows: 4096 } as const;

/**
 * What became of one filter version on one interface.
 * `attested`: the kernel gave the program back, and it is the one that was attached; `attested (loaded)`: eBPF, which is not
 * given back, but whose descriptor, maps and canary say so; `reported`: it runs, by the agent's word alone; `diverged`: the
 * kernel ran another one; `refused`: it does not run, for the reason given; `not applicable`: no program for the link
 * type; `pending`: not there yet.
 */
export const FilterState = z.object({
  filter: FilterName,
  version: z.int().positive(),
  digest: Digest,
  interface: z.string(),
  linkType: z.string(),
  state: z.enum(['pending', 'attested', 'attested (loaded)', 'reported', 'diverged', 'refused', 'not applicable']),
  reason: z.string().optional(),
  /** Of the reason, where it is refused for one that has a code. */
  code: z.string().max(64).optional(),
  /** sha256 of the program read back from the kernel: of all filters on the socket together, own-traffic exclusion included. */
  attachedDigest: Digest.optional(),
  /** Packets tried before it was attached, and how many of them in this kernel. */
  selfTest: z.object({ packets: Count, inKernel: Count }).optional(),
  counters: z
    .object({
      /** Passed the program, as the kernel counts: stored or dropped. */
      matched: Count,
      /** Of its socket, which other filters and, where it is shared, other interfaces have too. */
      droppedByKernel: Count,
      captured: Count,
    })
    .optional(),
});
export type FilterState = z.infer<typeof FilterState>;

/** Where every packet went. All counters are of the agent's epoch, and only grow. */
export const LossLedger = z.object({
  /** When the epoch began, by the host's clock. */
  since: Timestamp.optional(),
  sockets: z
    .array(
      z.object({
        /** `*`: of a socket that is bound to none. */
        interface: z.string(),
        /** How many interfaces have their packets on it: what it lost is of all of them together. */
        sharedBy: Count.optional(),
        /** Of so many sockets that have ended, together. */
        ended: Count.optional(),
        /** `web@3` */
        filters: z.array(z.string()),
        passed: Count,
        droppedByKernel: Count,
        captured: Count,
      }),
    )
    .max(statusLimits.ledgerRows),
  filters: z
    .array(
      z.object({
        /** `web@3` */
        version: z.string(),
        interface: z.string(),
        matched: Count,
        stored: Count,
        storedBytes: Count,
        truncated: Count,
        sampledOut: Count,
        budgetDropped: Count,
        /** How far its budget has degraded it. */
        step: z.enum(['full', 'headers', 'sampled', 'paused']).optional(),
      }),
    )
    .max(statusLimits.ledgerRows),
  /** Packets taken from the rings, and what became of the sections they went into. */
  agent: z.object({
    captured: Count,
    /** What epochs before had left waiting when this one began: sent and given up with its own. */
    carriedSections: Count.optional(),
    carriedPackets: Count.optional(),
    spooledSections: Count,
    spooledPackets: Count,
    sentSections: Count,
    sentPackets: Count,
    evictedSections: Count,
    evictedPackets: Count,
    /** Found damaged since the epoch began. Absent of agents that do not tell it. */
    damagedSections: Count.optional(),
    damagedPackets: Count.optional(),
  }),
  /** What the epoch before left behind, as far as it is known. */
  before: z.record(z.string(), z.string()).optional(),
  /** Opener and agent had both ended: no socket stood in this time, and what came then is in no count. */
  withoutSocket: z.object({ from: Timestamp, to: Timestamp }).optional(),
});
export type LossLedger = z.infer<typeof LossLedger>;

/** Sections on their way to Kafka. */
export const SpoolState = z.object({
  sections: Count,
  bytes: Count,
  capBytes: Count,
  /** Age of the oldest section that is not acknowledged. */
  oldestMs: Count.optional(),
  /** The disk is full or read-only: what is not sent is lost when the agent ends. */
  memoryOnly: z.boolean(),
});
export type SpoolState = z.infer<typeof SpoolState>;

/** What the agent costs its host, over the time since the status before: what a rollout is guarded by. */
export const GuardFigures = z.object({
  windowMs: Count,
  /** Of one core, all processes of the agent. */
  cpuPercent: z.number().nonnegative(),
  memoryBytes: Count,
  packetsPerSecond: z.number().nonnegative(),
  bytesPerSecond: z.number().nonnegative(),
  kernelDropsPerSecond: z.number().nonnegative(),
});
export type GuardFigures = z.infer<typeof GuardFigures>;

/** A thing that this kernel and this process can do or not, as found by trying. */
export const Feature = z.object({
  name: z.string().max(64),
  state: z.enum(['yes', 'no', 'unknown']),
  reason: z.string().max(500).optional(),
});
export type Feature = z.infer<typeof Feature>;

export const AgentStatus = z.object({
  agent: AgentId,
  /** Grows with each status of one agent process; an older one that arrives late is ignored. */
  sequence: Count,
  labels: Labels,
  /** The highest that it accepted, whether or not that runs: it never takes a lower one. */
  generation: Count,
  epoch: Count,
  source: z.enum(['ring', 'file', 'cap']),
  /** Whether the process with the network connections is kept from capturing by itself. */
  confined: z.boolean().optional(),
  facts: z.object({
    hostname: z.string(),
    operatingSystem: z.string(),
    kernel: z.string(),
    architecture: z.string(),
    agentVersion: z.string(),
  }),
  interfaces: z.array(z.object({ name: z.string(), linkType: z.string(), up: z.boolean() })),
  filters: z.array(FilterState).max(statusLimits.filters),
  /** Signed by the identity key: `Statement`s over what the kernel runs, with the nonce of the answer before. */
  statements: z.array(DsseEnvelope).max(statusLimits.statements).optional(),
  sections: z.object({
    sent: Count,
    pending: Count,
    dropped: Count,
    /** Packets in the dropped sections. */
    packetsDropped: Count,
  }),
  ledger: LossLedger.optional(),
  spool: SpoolState.optional(),
  guard: GuardFigures.optional(),
  features: z.array(Feature).max(128).optional(),
  errors: z.array(z.object({ code: z.string(), message: z.string(), at: Timestamp })).max(statusLimits.errors),
});
export type AgentStatus = z.infer<typeof AgentStatus>;
