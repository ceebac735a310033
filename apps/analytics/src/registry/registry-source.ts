import { type ApiClient, answerWithin, internalApi, Registry } from '@bpfleet/contract';

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

/** The filter-manager's. */
export class HttpRegistrySource implements RegistrySource {
  constructor(private readonly client: ApiClient) {}

  async fetch(known: number | undefined, wait: string, signal: AbortSignal): Promise<Registry | undefined> {
    const ask = async (until: AbortSignal) => {
      const response = await this.client.send(internalApi.getRegistry, {
        query: { wait },
        headers: known === undefined ? {} : { 'if-none-match': `"${known}"` },
        signal: until,
      });
      return response.status === 304 ? undefined : Registry.parse(await response.json());
    };
    return answerWithin(Number.parseInt(wait, 10) * MS_PER_S + GRACE_MS, 'the filter-manager', ask, signal);
  }
}
