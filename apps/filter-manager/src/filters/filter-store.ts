import type { Filter, FilterVersion } from '@bpfleet/contract';

/** A version but for when it was stored. */
export type VersionContent = Omit<FilterVersion, 'createdAt'>;

/** A version with its bundle: the bytes that agents get. */
export interface BuiltVersion extends VersionContent {
  readonly bundle: Uint8Array;
}

/** A version's number is known only inside the transaction that stores it, and its digest covers the number. */
export type MakeVersion = (version: number) => BuiltVersion;

/** Refuses, by throwing, to go on from this state of a filter. */
export type Precondition = (current: Filter) => void;

/** Keeps filters and their versions. Versions are never changed and outlive their filter. */
export abstract class FilterStore {
  /** @throws BpfleetError `ALREADY_EXISTS` */
  abstract create(name: string, description: string, make: MakeVersion): Promise<Filter>;
  /** Stores a version, or answers the latest one when it has the same content. @throws BpfleetError `NOT_FOUND` */
  abstract addVersion(name: string, make: MakeVersion, check?: Precondition): Promise<AddedVersion>;
  /** Takes the filter and its assignments away. @throws BpfleetError `NOT_FOUND` */
  abstract delete(name: string, check?: Precondition): Promise<void>;
  /** @throws BpfleetError `NOT_FOUND` */
  abstract get(name: string): Promise<Filter>;
  /** By name. */
  abstract list(after: string | undefined, limit: number): Promise<Filter[]>;
  /** Newest first. @throws BpfleetError `NOT_FOUND` */
  abstract versions(name: string, before: number | undefined, limit: number): Promise<FilterVersion[]>;
  /** Of whatever versions ever; those that there are. */
  abstract byDigest(digests: readonly string[]): Promise<FilterVersion[]>;
  /** The bytes that have this digest, of whatever version ever. @throws BpfleetError `NOT_FOUND` */
  abstract bundle(digest: string): Promise<Uint8Array>;
}

export interface AddedVersion {
  readonly version: FilterVersion;
  readonly isNew: boolean;
}
