export { ConflictStore, type IdentityConflict } from './conflicts/conflict-store.js';
export { CopyEncoder } from './copy/copy-encoder.js';
export { copyIn } from './copy/copy-in.js';
export type { FlowCondition, FlowEnd } from './flows/flow-condition.js';
export type { FlowGroup, GroupKey, GroupQuery, Totals } from './flows/flow-groups.js';
export type { FlowCursor, FlowPage, FoundFlow } from './flows/flow-page.js';
export type { FlowQuery } from './flows/flow-query.js';
export {
  bothWays,
  type FlowDirection,
  type FlowFlush,
  type FlowRow,
  type FlowSumRow,
  HOUR_NS,
  MINUTE_NS,
  type OtherPackets,
} from './flows/flow-row.js';
export type { FlowSnapshot, PendingSections, StoredSum, SumKeys } from './flows/flow-snapshot.js';
export { FlowStore } from './flows/flow-store.js';
export { LargestHosts } from './flows/largest-hosts.js';
export { MinuteSums, minuteSums } from './flows/minute-sums.js';
export { FlowRollUp } from './flows/roll-up.js';
export type { SectionWithoutFlows } from './flows/sections-without-flows.js';
export { HostSums, ServiceSums, servicePort } from './flows/sums.js';
export { WordTable } from './flows/word-table.js';
export { type CopyTarget, flowTarget, sectionTarget } from './ingest/encode-rows.js';
export { type ImportAccount, ImportStore } from './ingest/import-store.js';
export { IngestStore } from './ingest/ingest-store.js';
export { logIdentity } from './ingest/log-identity.js';
export type { EpochAccount } from './ledger/epoch-account.js';
export { type AgentAccount, type KnownLosses, LedgerStore, type LossQuery } from './ledger/ledger-store.js';
export { LoopShare } from './loop-share.js';
export { analyticsMigrations, type MigrateOptions, migrate } from './migrate.js';
export { ensurePartitions } from './partitions.js';
export { createPool, type PoolOptions } from './pool.js';
export {
  type QuarantineSelection,
  QuarantineStore,
  type StoredPoison,
  type WholePoison,
} from './quarantine/quarantine-store.js';
export { KeptRegistry } from './registry/kept-registry.js';
export type { GivenUp } from './retention/given-up.js';
export { noteLogEnd } from './retention/note-log-end.js';
export { type RetentionPolicy, RetentionStore } from './retention/retention-store.js';
export { StatusStore, type StoredClass, type StoredPosition, type StoredState } from './retention/store-status.js';
export type {
  HeldPosition,
  IngestBatch,
  IngestResult,
  LossRow,
  QuarantineRow,
  SectionCounters,
  SectionRow,
} from './rows.js';
export type { SectionName, SectionOrder, SectionQuery } from './sections/section-query.js';
export { type Completeness, SectionStore, type StoredSection } from './sections/section-store.js';
export { storeError } from './store-error.js';
export { type TailQuery, type TailSection, type TailSpan, TailStore } from './tail/tail-store.js';
export {
  isForgettable,
  isUnmovedSince,
  LONGEST_COMMIT_US,
  type StoredEnd,
  type StoredEnds,
  SURELY_KEPT_US,
  type TailPlace,
} from './tail/tail-vector.js';
