import { isDeepStrictEqual } from 'node:util';
import type { Endpoint } from '@bpfleet/contract';
import type { Logger } from 'pino';
import { abortableDelay } from '../abortable-delay.js';
import { type ExcludedEndpoint, excludedOf, parseEndpoint } from './excluded-endpoints.js';

/** Capture waits no longer for a cluster, or for name servers, that do not answer. */
const WAIT_MS = 1000;
const RETRY_FIRST_MS = 1000;
const RETRY_BROKERS_MAX_MS = 5000;
/** A name may be one that this host never resolves. */
const RETRY_NAMES_MAX_MS = 60_000;

const UNTIL_THEN =
  'sections wait in the spool until they do; does BPFLEET_KAFKA_BROKERS name Kafka’s brokers, and are they up?';

export interface OwnAddressesParts {
  /** Where brokers are first asked. */
  readonly configured: readonly Endpoint[];
  /** host:port of all brokers, as the cluster tells clients to connect. */
  readonly brokers: () => Promise<readonly string[]>;
  /** Of a host; undefined when it cannot be found out now. */
  readonly addressesOf: (host: string) => Promise<readonly string[] | undefined>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Other addresses are known than were left out: what was carried out last is to be carried out again. */
  readonly onNews: () => Promise<void>;
  /** `trouble` is another one. */
  readonly changed: () => void;
}

/** Where bpfleet's own connections go, so that no filter captures them: as far as is known at once, and what is found later. */
export class OwnAddresses {
  /** As the cluster told last. */
  #brokers: readonly Endpoint[] | undefined;
  #asking: Promise<boolean> | undefined;
  #trouble: string | undefined;
  /** Of names, as they resolved last. */
  readonly #resolved = new Map<string, readonly string[]>();
  #uses = 0;
  #tell!: () => void;
  /** The cluster has told of its brokers, and what is captured leaves them out. */
  readonly areLeftOut = new Promise<void>((resolve) => {
    this.#tell = resolve;
  });

  constructor(private readonly parts: OwnAddressesParts) {}

  /** Why the cluster has not told of its brokers yet, before which nothing is sent, for people. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Has something carried out without the addresses behind these endpoints and of the brokers: what is known within a second. */
  async leaveOut(
    endpoints: readonly Endpoint[],
    carryOut: (excluded: readonly ExcludedEndpoint[]) => Promise<void>,
  ): Promise<void> {
    const use = ++this.#uses;
    const first = this.#look(endpoints);
    await Promise.race([first, abortableDelay(WAIT_MS, this.parts.signal)]);
    const excluded = this.#known(endpoints);
    try {
      await carryOut(excluded);
    } finally {
      void this.#lookOn(use, endpoints, excluded, first);
    }
  }

  /** Until all is found, or the next is carried out. */
  async #lookOn(
    use: number,
    endpoints: readonly Endpoint[],
    excluded: readonly ExcludedEndpoint[],
    first: Promise<boolean>,
  ): Promise<void> {
    const { signal, onNews } = this.parts;
    let isWhole = await first;
    let retryMs = RETRY_FIRST_MS;
    while (use === this.#uses && !signal.aborted) {
      const known = this.#known(endpoints);
      if (!isDeepStrictEqual(known, excluded)) {
        excluded = known;
        await onNews();
        continue;
      }
      if (this.#brokers) this.#tell();
      if (isWhole) return;
      await abortableDelay(retryMs, signal);
      isWhole = await this.#look(endpoints);
      retryMs = Math.min(retryMs * 2, this.#brokers ? RETRY_NAMES_MAX_MS : RETRY_BROKERS_MAX_MS);
    }
  }

  /** @returns whether everybody answered */
  async #look(endpoints: readonly Endpoint[]): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    const all = [this.#asking, this.#resolve([...endpoints, ...this.parts.configured])];
    const answers = await Promise.all(all);
    return (await this.#resolve(this.#brokers ?? [])) && answers.every(Boolean);
  }

  async #ask(): Promise<boolean> {
    try {
      this.#brokers = (await this.parts.brokers()).map(parseEndpoint);
      this.#met(undefined);
      return true;
    } catch (err) {
      if (this.parts.signal.aborted) return false;
      this.parts.logger.warn({ err }, 'brokers not known now, leaving out those that are known or configured');
      if (this.#brokers === undefined) this.#met(err as Error);
      return false;
    }
  }

  #met(error: Error | undefined): void {
    const before = this.#trouble;
    this.#trouble = error && `the brokers do not tell where they are (${error.message}): ${UNTIL_THEN}`;
    if ((before === undefined) !== (error === undefined)) this.parts.changed();
  }

  async #resolve(endpoints: readonly Endpoint[]): Promise<boolean> {
    const hosts = [...new Set(endpoints.map(({ host }) => host))];
    const found = await Promise.all(hosts.map((host) => this.parts.addressesOf(host)));
    for (const [number, addresses] of found.entries()) if (addresses) this.#resolved.set(hosts[number]!, addresses);
    return found.every((addresses) => addresses !== undefined);
  }

  #known(endpoints: readonly Endpoint[]): ExcludedEndpoint[] {
    return excludedOf([...endpoints, ...(this.#brokers ?? this.parts.configured)], this.#resolved);
  }
}
