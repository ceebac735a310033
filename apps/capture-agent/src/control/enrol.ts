import { type ApiClient, agentApi, answerWithin, type DsseEnvelope, type Enrolled } from '@bpfleet/contract';
import { BpfleetError, type ErrorCode } from '@bpfleet/errors';
import type { Logger } from 'pino';
import { abortableDelay } from '../abortable-delay.js';

const CALL_TIMEOUT_MS = 10_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;
/** Asking again changes nothing about these, but somebody may: a wrong token is put right at the filter-manager. */
const REFUSED_RETRY_MS = 60_000;
const REFUSALS: readonly ErrorCode[] = [
  'ENROLMENT_REFUSED',
  'IDENTITY_CONFLICT',
  'REQUEST_INVALID',
  'SIGNATURE_INVALID',
  'DOCUMENT_INVALID',
];

export interface EnrolOptions {
  readonly client: ApiClient;
  readonly token: string;
  readonly enrolment: DsseEnvelope;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** It is refused for good, until somebody does something about it. */
  readonly onRefused: (error: BpfleetError) => void;
  readonly refusedRetryMs?: number;
  readonly callTimeoutMs?: number;
}

/**
 * Enrols, as often as it takes to be heard. The same agent with the same key is welcome again.
 * @returns undefined when it was told to stop meanwhile
 */
export async function enrol(options: EnrolOptions): Promise<Enrolled | undefined> {
  const { client, token, enrolment, logger, signal, onRefused } = options;
  const { refusedRetryMs = REFUSED_RETRY_MS, callTimeoutMs = CALL_TIMEOUT_MS } = options;
  let retryMs = RETRY_FIRST_MS;
  while (!signal.aborted) {
    const ask = (until: AbortSignal) => client.call(agentApi.enrol, { body: { token, enrolment }, signal: until });
    try {
      return await answerWithin(callTimeoutMs, 'the filter-manager', ask, signal);
    } catch (err) {
      if (err instanceof BpfleetError && REFUSALS.includes(err.code)) {
        logger.error(
          { err, retryMs: refusedRetryMs },
          'the filter-manager refuses to enrol this agent, what ran keeps running',
        );
        onRefused(err);
        retryMs = refusedRetryMs;
      } else if (!signal.aborted) logger.warn({ err, retryMs }, 'not enrolled yet');
    }
    await abortableDelay(retryMs, signal);
    // After a refusal: soon again, should it be unreachable next.
    retryMs = retryMs === refusedRetryMs ? RETRY_FIRST_MS : Math.min(retryMs * 2, RETRY_MAX_MS);
  }
  return undefined;
}
