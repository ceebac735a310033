import { setTimeout as delay } from 'node:timers/promises';

/** Waits, or less long when the signal aborts. Never rejects for that. */
export async function abortableDelay(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
