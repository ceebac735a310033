import { agentApi, answerWithin, boundedAnswer, digestOf, PollPause } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { nodeCrypto } from '@bpfleet/service';
import type { Logger } from 'pino';
import { abortableDelay } from '../abortable-delay.js';
import type { ChallengeAnswer } from '../border/opener-port.js';
import { type AgentClient, MAX_ANSWER_BYTES } from './agent-client.js';
import type { ControlTrouble } from './control-trouble.js';
import { type ClaimedState, claimedState, type KeptOrders } from './kept-orders.js';
import { type TakenBundles, takeBundles } from './take-bundles.js';

const WAIT_S = 30;
/** While something is to be tried again, or an answer alone is news. */
const SHORT_WAIT_S = 5;
/** The server holds a call for 30 s; an answer later than this is none. */
const CALL_TIMEOUT_MS = 40_000;
const BUNDLE_TIMEOUT_MS = 15_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;

const NONE_YET = 'no desired state yet';
const NONE_NEW = 'no new desired state, the last one keeps running';

export interface FollowerParts {
  readonly client: AgentClient;
  readonly kept: KeptOrders;
  readonly logger: Logger;
  /** Told of states that are not carried out. */
  readonly trouble: ControlTrouble;
  /** Nothing is asked of the filter-manager before. */
  readonly registered: Promise<void>;
  /** Has it verified and carried out; rejects with what is wrong with it. */
  readonly desire: (claimed: ClaimedState, bundles: TakenBundles) => Promise<void>;
  readonly challenge: () => Promise<ChallengeAnswer>;
  readonly onFatal: (error: unknown) => void;
}

/** Follows the desired state by long-poll, fetches the bundles that it names, and keeps both on disk. */
export class DesiredFollower {
  /** Of the state that was carried out last. */
  #etag: string | undefined;
  #following: Promise<void> = Promise.resolve();
  /** One state is carried out at a time. */
  #turn: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();

  constructor(private readonly parts: FollowerParts) {}

  async start(): Promise<void> {
    await this.repeat();
    this.#following = this.#follow().catch(this.parts.onFatal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
    await this.#turn;
  }

  /** Carries out again what was kept last. */
  repeat(): Promise<void> {
    return this.#inTurn(() => this.#carryOutKept());
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    // Who waits for it hears of what goes wrong.
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Verified again. What is damaged or refused is said, and the filter-manager asked as if there was none. */
  async #carryOutKept(): Promise<void> {
    const { kept, logger } = this.parts;
    try {
      const claimed = await kept.state();
      if (claimed === undefined) return;
      const taken = await takeBundles(claimed.state, kept);
      await this.parts.desire(claimed, taken);
      const damaged = taken.leftOut.filter(({ isDamaged }) => isDamaged);
      this.#etag = damaged.length === 0 ? `"${claimed.state.generation}"` : undefined;
      if (damaged.length > 0)
        logger.error(
          { code: 'BUNDLE_INVALID', damaged },
          'kept filters are damaged, and fetched again; the others run',
        );
    } catch (err) {
      if (!(err instanceof BpfleetError)) throw err;
      logger.warn({ err }, 'the kept desired state does not run');
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    await Promise.race([this.parts.registered, aborted(signal)]);
    const pause = new PollPause();
    let retryMs = RETRY_FIRST_MS;
    while (!signal.aborted) {
      try {
        await this.parts.kept.keepRefused();
        const { kept, trouble } = this.parts;
        const waitS = kept.areKept && !trouble.isPassing ? WAIT_S : SHORT_WAIT_S;
        const askedMs = performance.now();
        const isNews = await this.#next(waitS, signal);
        retryMs = RETRY_FIRST_MS;
        const tookMs = performance.now() - askedMs;
        await abortableDelay(pause.after({ isNews, tookMs, waitMs: waitS * 1000 }), signal);
      } catch (err) {
        if (signal.aborted) return;
        this.parts.trouble.met(err as Error);
        this.parts.logger.warn({ err, retryMs }, this.#etag === undefined ? NONE_YET : NONE_NEW);
        await abortableDelay(retryMs, signal);
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
    }
  }

  /** @returns whether there is another state than before */
  async #next(waitS: number, stopping: AbortSignal): Promise<boolean> {
    const { kept, trouble } = this.parts;
    const answer = await this.#ask(waitS, stopping);
    if (answer === undefined) {
      trouble.answered();
      return false;
    }
    const { claimed, etag } = answer;
    const taken = await takeBundles(claimed.state, kept, (digest) => this.#fetch(digest, stopping));
    await this.#inTurn(async () => {
      await this.parts.desire(claimed, taken);
      trouble.over();
      await kept.keep(claimed);
    });
    const before = this.#etag;
    this.#etag = etag ?? `"${claimed.state.generation}"`;
    return this.#etag !== before;
  }

  /** @returns undefined: there is nothing new */
  async #ask(
    waitS: number,
    stopping: AbortSignal,
  ): Promise<{ claimed: ClaimedState; etag: string | null } | undefined> {
    const { client, challenge } = this.parts;
    const { nonce, wantsState } = await challenge();
    const ask = async (signal: AbortSignal) => {
      const response = await client.send(agentApi.getDesired, {
        query: { wait: `${waitS}s`, nonce },
        headers: this.#etag === undefined || wantsState ? {} : { 'if-none-match': this.#etag },
        signal,
      });
      if (response.status === 304) return undefined;
      const envelope = await boundedAnswer(response, MAX_ANSWER_BYTES).json();
      return { claimed: claimedState(envelope), etag: response.headers.get('etag') };
    };
    return answerWithin(CALL_TIMEOUT_MS, 'the filter-manager', ask, stopping);
  }

  #fetch(digest: string, stopping: AbortSignal): Promise<Uint8Array> {
    const ask = async (signal: AbortSignal) =>
      bytesOf(await this.parts.client.send(agentApi.getBundle, { path: { digest }, signal }), digest);
    return answerWithin(BUNDLE_TIMEOUT_MS, 'the filter-manager', ask, stopping);
  }
}

async function bytesOf(response: Response, digest: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(await boundedAnswer(response, MAX_ANSWER_BYTES).arrayBuffer());
  if (digestOf(bytes, nodeCrypto) === digest) return bytes;
  throw new BpfleetError('BUNDLE_INVALID', `what came for bundle ${digest} is another one`);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
