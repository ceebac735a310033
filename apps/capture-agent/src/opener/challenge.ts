import { randomBytes } from 'node:crypto';
import { bootTimeMs } from '@bpfleet/linux';

const NONCE_BYTES = 18;
/** A long-poll takes 30 s and bundles some more. A state's time is off by this at most: somebody may have held it back. */
const MAX_ANSWER_MS = 120_000;
/** The service's own clock may have been put right meanwhile, and nothing else tells of it. */
const RENEW_MS = 3_600_000;
const RETRY_MS = 60_000;

/**
 * What the filter-manager is asked with, so that its time in the answer counts: a state with the nonce was signed after that
 * was made. The newest counts alone, once. By CLOCK_BOOTTIME.
 */
export class Challenge {
  #nonce: string | undefined;
  #askedAtMs = 0;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  #wantedAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly nowMs: () => number = bootTimeMs) {}

  next(): string {
    this.#nonce = randomBytes(NONCE_BYTES).toString('base64url');
    this.#askedAtMs = this.nowMs();
    return this.#nonce;
  }

  /** Whether it was signed just now. */
  isAnsweredBy(nonce: string | undefined): boolean {
    if (nonce === undefined || nonce !== this.#nonce) return false;
    this.#nonce = undefined;
    const nowMs = this.nowMs();
    if (nowMs - this.#askedAtMs > MAX_ANSWER_MS) return false;
    this.#answeredAtMs = nowMs;
    return true;
  }

  /**
   * Whether a state is to be asked for that is there already, for the sake of its time. Once a minute at most: a filter-manager
   * of an older release never answers.
   * @param isUrgent something does not run for the time it is
   */
  wantsAnswer(isUrgent: boolean): boolean {
    const nowMs = this.nowMs();
    const isDue = isUrgent || nowMs - this.#answeredAtMs >= RENEW_MS;
    if (!isDue || nowMs - this.#wantedAtMs < RETRY_MS) return false;
    this.#wantedAtMs = nowMs;
    return true;
  }
}
