import {
  ApiClient,
  bundleKind,
  type CallInput,
  DELEGATION_HEADER,
  type Route,
  SERVER_TIME_HEADER,
} from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { type PrivateKey, signAgentToken } from '@bpfleet/service';
import type { z } from 'zod';

export interface AgentSession {
  readonly agent: string;
  readonly key: PrivateKey;
  /** As `delegationText` makes it. */
  readonly delegation: string;
}

/** After decompression. Nothing that an agent is answered is longer than a bundle: a signed state has 1 MiB, in base64 a third more. */
export const MAX_ANSWER_BYTES = bundleKind.maxBytes;

/**
 * Calls the agent API: each call with a token of its own, by the session key. Tokens go by the service's clock, which every
 * answer tells, so that a host whose clock is off is heard all the same.
 */
export class AgentClient {
  readonly #client: ApiClient;
  #offsetMs = 0;
  /** Enrols again when the filter-manager does not know the agent any more: its database is another one. */
  onUnknown: () => Promise<void> = async () => {};

  constructor(
    server: string,
    private readonly session: AgentSession,
    send: typeof fetch = fetch,
  ) {
    const listening: typeof fetch = async (...request) => {
      const response = await send(...request);
      this.#heard(response.headers.get(SERVER_TIME_HEADER));
      return response;
    };
    this.#client = new ApiClient({ server, fetch: listening, maxAnswerBytes: MAX_ANSWER_BYTES });
  }

  async call<R extends Route>(route: R, input: CallInput<R>): Promise<z.output<R['response']>> {
    return this.#authenticated(input, (signed) => this.#client.call(route, signed));
  }

  /** As `ApiClient.send`. */
  async send<R extends Route>(route: R, input: CallInput<R>): Promise<Response> {
    return this.#authenticated(input, (signed) => this.#client.send(route, signed));
  }

  /** Without a token: enrolling. */
  get anonymous(): ApiClient {
    return this.#client;
  }

  async #authenticated<I extends { headers?: Record<string, string> }, T>(
    input: I,
    call: (input: I) => Promise<T>,
  ): Promise<T> {
    try {
      return await call(await this.#signed(input));
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
      if (error.code === 'NOT_ENROLLED') await this.onUnknown();
      // By now we know the service's time.
      else if (error.code !== 'CLOCK_SKEW') throw error;
      return call(await this.#signed(input));
    }
  }

  async #signed<I extends { headers?: Record<string, string> }>(input: I): Promise<I> {
    const { agent, key, delegation } = this.session;
    const token = await signAgentToken(agent, Date.now() + this.#offsetMs, key);
    const headers = { ...input.headers, authorization: `Bearer ${token}`, [DELEGATION_HEADER]: delegation };
    return { ...input, headers };
  }

  #heard(serverTime: string | null): void {
    const timeMs = serverTime === null ? Number.NaN : Date.parse(serverTime);
    if (!Number.isNaN(timeMs)) this.#offsetMs = timeMs - Date.now();
  }
}
