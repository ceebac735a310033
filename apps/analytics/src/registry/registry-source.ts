import { type ApiClient, answerWithin, boundedAnswer, internalApi, Registry } from '@bpfleet/contract';

/** Where the registry comes from. */
export interface RegistrySource {
  /**
   * @param known the revision that the caller has
   * @param wait how long to hold the call while that is the current one: `30s`
   * @returns undefined when it is still the known one
   */
  fetch(known: number | undefined, wait: string, signal: AbortSignal): Promise<Registry | undefined>;
}

/** How much longer than asked for an answer may take. */
const GRACE_MS = 5000;
const MS_PER_S = 1000;
/** Some 100,000 agents, and as many versions. Nobody authenticates who answers. */
const MAX_REGISTRY_BYTES = 128 * 1024 * 1024;

/** The filter-manager's. */
export class HttpRegistrySource implements RegistrySource {
  constructor(
    private readonly client: ApiClient,
    private readonly maxBytes = MAX_REGISTRY_BYTES,
  ) {}

  async fetch(known: number | undefined, wait: string, signal: AbortSignal): Promise<Registry | undefined> {
    const ask = async (until: AbortSignal) => {
      const response = await this.client.send(internalApi.getRegistry, {
        query: { wait },
        headers: known === undefined ? {} : { 'if-none-match': `"${known}"` },
        signal: until,
      });
      if (response.status === 304) return undefined;
      return Registry.parse(await boundedAnswer(response, this.maxBytes).json());
    };
    return answerWithin(Number.parseInt(wait, 10) * MS_PER_S + GRACE_MS, 'the filter-manager', ask, signal);
  }
}
