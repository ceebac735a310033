import type { Compare } from '../ir/ir.js';
import type { MaskTest } from './knowledge.js';
import type { NumberedValue } from './values.js';

/** What passes ask about every step, worked out once. Equal steps share `id`. */
export interface NumberedStep {
  readonly id: number;
  /** All it loads, the first first. */
  readonly loads: readonly NumberedValue[];
  /** All slots it reads. */
  readonly slots: readonly number[];
}

export interface TestStep extends NumberedStep, MaskTest {
  readonly kind: 'test';
  readonly value: NumberedValue;
}

export interface CompareStep extends NumberedStep {
  readonly kind: 'compare';
  readonly left: NumberedValue;
  readonly comparison: Compare['comparison'];
  readonly right: NumberedValue;
}

/** Both ways of its node are the same. */
export interface AssignStep extends NumberedStep {
  readonly kind: 'assign';
  readonly slot: number;
  readonly value: NumberedValue;
}

export type Step = TestStep | CompareStep | AssignStep;
