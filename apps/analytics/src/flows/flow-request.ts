import { type FlowQuestion, type FlowRange, parseInstantNs } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { type FlowQuery, MINUTE_NS } from '@bpfleet/store';
import { versionOf } from '../packets/packet-request.js';
import { type FlowFilter, flowFilter } from './flow-filter.js';

/** A question whose every part was understood. */
export interface FlowRequest {
  readonly query: FlowQuery;
  /** Undefined: all packets. */
  readonly filter: FlowFilter | undefined;
}

/**
 * Widens the range to whole minutes: no flow crosses one, so that what is counted is exact.
 * @throws BpfleetError `REQUEST_INVALID`, `FILTER_UNSUPPORTED`, or what the filter language says of the expression
 */
export function flowRequest(question: FlowQuestion, nowMs: number): FlowRequest {
  const sinceNs = parseInstantNs(question.since, nowMs);
  const untilNs = parseInstantNs(question.until, nowMs);
  if (sinceNs >= untilNs) {
    throw new BpfleetError('REQUEST_INVALID', `the range from ${question.since} to ${question.until} is empty`, {
      hint: 'since is the earlier one; -15m means 15 minutes ago',
    });
  }
  const filter = flowFilter(question.filter);
  const version = question.version === undefined ? undefined : versionOf(question.version);
  const range = { sinceNs: floor(sinceNs), untilNs: floor(untilNs + MINUTE_NS - 1n) };
  return { query: { ...range, agent: question.agent, version, condition: filter?.condition }, filter };
}

const floor = (ns: bigint): bigint => (ns / MINUTE_NS) * MINUTE_NS;

export const rangeOf = ({ sinceNs, untilNs }: FlowQuery): FlowRange => ({
  since: isoOf(sinceNs),
  until: isoOf(untilNs),
});

/** Of a time at a whole millisecond. */
export const isoOf = (ns: bigint): string => new Date(Number(ns / 1_000_000n)).toISOString();
