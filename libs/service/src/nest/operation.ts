import type { BoundCall } from './call.js';

/** A handler that `@Call` bound. */
export interface Operation extends BoundCall {
  /** The handler's name: the same as the route's in the contract. */
  readonly operationId: string;
  readonly tag: string;
}
