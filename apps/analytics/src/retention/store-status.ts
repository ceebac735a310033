import type { StoreClass, StorePosition, StoreStatus } from '@bpfleet/contract';
import type { RetentionPolicy, StoredClass, StoredPosition, StoredState } from '@bpfleet/store';

/** What is stored, beside what may be. */
export function storeStatus(state: StoredState, policy: RetentionPolicy): StoreStatus {
  return {
    classes: state.classes.map((stored) => storeClass(stored, policy)),
    positions: state.positions.map(storePosition),
    dedupe: state.dedupe,
    quarantined: state.classes.find((stored) => stored.class === 'quarantine')?.rows ?? 0,
    leaving: [...state.leaving],
  };
}

function storeClass(stored: StoredClass, policy: RetentionPolicy): StoreClass {
  const { oldest, newest, givenUpTo, bytesPerHour, ...counts } = stored;
  const limits: { readonly hours: number; readonly bytes?: number } = policy[stored.class];
  return {
    ...counts,
    oldest: oldest?.toISOString(),
    newest: newest?.toISOString(),
    givenUpTo: givenUpTo?.toISOString(),
    keepHours: limits.hours,
    keepBytes: limits.bytes,
    bytesPerHour,
    hoursToLimit: hoursToLimit(stored.bytes, bytesPerHour, limits),
  };
}

/** At this rate; undefined when the limit is not reached before the oldest rows go by their age. */
export function hoursToLimit(
  bytes: number,
  bytesPerHour: number | undefined,
  limits: { readonly hours: number; readonly bytes?: number },
): number | undefined {
  if (bytesPerHour === undefined || limits.bytes === undefined) return undefined;
  if (bytes >= limits.bytes) return 0;
  return bytesPerHour * limits.hours <= limits.bytes ? undefined : (limits.bytes - bytes) / bytesPerHour;
}

function storePosition({ end, measuredAt, takenAt, ...position }: StoredPosition): StorePosition {
  return {
    ...position,
    takenAt: takenAt.toISOString(),
    lagRecords: end === undefined ? undefined : Math.max(0, end - position.next),
    measuredAt: measuredAt?.toISOString(),
  };
}
