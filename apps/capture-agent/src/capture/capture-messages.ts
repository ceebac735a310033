import type { CaptureTarget, ClosedSection, TargetState } from './packet-source.js';

/** What the capture thread is started with. */
export interface CaptureThreadData {
  readonly application: string;
  readonly hardware: string;
  readonly operatingSystem: string;
  /** Memory for all rings together. */
  readonly ringBudgetBytes: number;
  /** eventfd: written after each order, so that the thread leaves poll(2). */
  readonly wakeUpDescriptor: number;
}

/** Orders to the capture thread. `id` comes back with the answer. */
export type CaptureOrder =
  | {
      readonly kind: 'apply';
      readonly id: number;
      readonly targets: readonly CaptureTarget[];
      readonly flushWindowMs: number;
    }
  | { readonly kind: 'report'; readonly id: number }
  | { readonly kind: 'stop'; readonly id: number };

export type CaptureNews =
  | { readonly kind: 'ready' }
  | { readonly kind: 'section'; readonly section: ClosedSection }
  | { readonly kind: 'answer'; readonly id: number; readonly states: TargetState[] };
