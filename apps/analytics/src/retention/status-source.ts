import type { StoreStatus } from '@bpfleet/contract';

/** How full the store is. */
export abstract class StatusSource {
  abstract status(): Promise<StoreStatus>;
}
