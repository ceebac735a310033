import { type ApiClient, agentApi, Deadline, type DsseEnvelope, type Enrolled } from '@bpfleet/contract';
import { BpfleetError, type ErrorCode } from '@bpfleet/errors';
import type { Logger } from 'pino';
import { abortableDelay } from '../abortable-delay.js';

const CALL_TIMEOUT_MS = 10_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;
/** Asking again changes nothing about these. */
const FINAL: readonly ErrorCode[] = [
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
}

/**
 * Enrols, as often as it takes to be heard. The same agent with the same key is welcome again.
 * @returns undefined when it was told to stop meanwhile
 * @throws BpfleetError what the filter-manager refuses for good
 */
export async function enrol({ client, token, enrolment, logger, signal }: EnrolOptions): Promise<Enrolled | undefined> {
  let retryMs = RETRY_FIRST_MS;
  while (!signal.aborted) {
    const deadline = new Deadline(CALL_TIMEOUT_MS, signal);
    try {
      return await client.call(agentApi.enrol, { body: { token, enrolment }, signal: deadline.signal });
    } catch (err) {
      if (err instanceof BpfleetError && FINAL.includes(err.code)) throw err;
      if (!signal.aborted) logger.warn({ err, retryMs }, 'not enrolled yet');
    } finally {
      deadline.clear();
    }
    await abortableDelay(retryMs, signal);
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
  }
  return undefined;
}
