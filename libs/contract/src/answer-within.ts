import { BpfleetError } from '@bpfleet/errors';
import { Deadline } from './deadline.js';

/**
 * Asks another service, and waits no longer than that, also for the end of a body. What the platform says of a request that was
 * cut off (an AbortError, its stack, all constants of DOMException) tells nobody what was late.
 * @param ask must end when its signal aborts
 * @param stopping aborts the question too; its end is thrown as it comes
 * @throws BpfleetError `SERVER_UNREACHABLE` when it is late
 */
export async function answerWithin<Answer>(
  timeoutMs: number,
  service: string,
  ask: (signal: AbortSignal) => Promise<Answer>,
  ...stopping: readonly AbortSignal[]
): Promise<Answer> {
  const deadline = new Deadline(timeoutMs, ...stopping);
  try {
    return await ask(deadline.signal);
  } catch (cause) {
    const isLate = deadline.signal.aborted && !stopping.some((signal) => signal.aborted);
    if (!isLate || !isCutOff(cause, deadline.signal)) throw cause;
    throw new BpfleetError('SERVER_UNREACHABLE', `${service} has not answered within ${timeoutMs / 1000} s`, {
      hint: 'is it running and not overloaded, and is this its address (BPFLEET_SERVER)?',
    });
  } finally {
    deadline.clear();
  }
}

/** Not what went wrong with an answer that came: that is told, however late it was. */
const isCutOff = (error: unknown, { reason }: AbortSignal): boolean =>
  error === reason || (error instanceof Error && error.name === 'AbortError');
