import type { FlowStore } from '@bpfleet/store';

/** What questions about flows need of the store; `FlowStore` implements it. */
export abstract class FlowSource {
  abstract ask: FlowStore['ask'];
}
