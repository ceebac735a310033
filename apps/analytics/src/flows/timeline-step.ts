import { parseDurationMs } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { type FlowQuery, MINUTE_NS } from '@bpfleet/store';

/** Minutes of a step, as a clock's face divides. Longer ones are whole days. */
const STEPS = [1n, 2n, 5n, 10n, 15n, 30n, 60n, 120n, 360n, 720n] as const;
const DAY = 1440n;
/** A range of so many touches a hundred at most: it begins within one and ends within another. */
const WHOLE_STEPS = 99n;
const MOST_POINTS = 10_000n;
const LONGEST_STEP_MS = 365 * 86_400_000;

/**
 * How long a step of the timeline is.
 * @throws BpfleetError `REQUEST_INVALID` when it is not whole minutes, longer than 365 days, or the range has too many of them
 */
export function stepNs(text: string | undefined, { sinceNs, untilNs }: Pick<FlowQuery, 'sinceNs' | 'untilNs'>): bigint {
  const rangeNs = untilNs - sinceNs;
  if (text === undefined) {
    const leastNs = ceilDiv(rangeNs, WHOLE_STEPS);
    const minutes = STEPS.find((step) => step * MINUTE_NS >= leastNs) ?? DAY * ceilDiv(leastNs, DAY * MINUTE_NS);
    return minutes * MINUTE_NS;
  }
  const stepMs = parseDurationMs(text);
  if (stepMs < 60_000 || stepMs % 60_000 !== 0) {
    throw new BpfleetError('REQUEST_INVALID', `a step of ${text} is not whole minutes`, {
      hint: 'write it as 1m, 15m or 1h; packets by the second: GET /api/v1/packets',
    });
  }
  if (stepMs > LONGEST_STEP_MS) {
    throw new BpfleetError('REQUEST_INVALID', `a step of ${text} is too long`, { hint: 'take 365d at most' });
  }
  const step = BigInt(stepMs) * 1_000_000n;
  if (rangeNs / step > MOST_POINTS) {
    throw new BpfleetError('REQUEST_INVALID', `${rangeNs / step} steps of ${text} are too many for one answer`, {
      hint: `take a longer step; at most ${MOST_POINTS} points`,
    });
  }
  return step;
}

const ceilDiv = (dividend: bigint, divisor: bigint): bigint => (dividend + divisor - 1n) / divisor;
