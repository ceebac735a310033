import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ExcludedEndpoint } from './excluded-endpoints.js';
import { OwnAddresses } from './own-addresses.js';

const server = { host: '192.0.2.1', port: 443 };
const named = { host: 'server.example', port: 443 };

describe('OwnAddresses', () => {
  let brokers: () => Promise<readonly string[]>;
  let asked: number;
  let changes: number;
  let stopping: AbortController;
  const carriedOut: string[][] = [];
  const names = new Map<string, Promise<string[]>>();
  beforeEach(() => {
    vi.useFakeTimers();
    names.clear();
    carriedOut.length = 0;
    asked = 0;
    changes = 0;
    stopping = new AbortController();
  });
  afterEach(() => {
    stopping.abort();
    vi.useRealTimers();
  });

  const textOf = (excluded: readonly ExcludedEndpoint[]) => excluded.map(({ address, port }) => `${address} ${port}`);
  function ownAddresses(endpoints = [server]) {
    const carryOut = async (excluded: readonly ExcludedEndpoint[]) => void carriedOut.push(textOf(excluded));
    const own = new OwnAddresses({
      configured: [{ host: '192.0.2.9', port: 9092 }],
      brokers: () => {
        asked++;
        return brokers();
      },
      addressesOf: async (host) => (/^[0-9.]+$/.test(host) ? [host] : names.get(host)),
      logger: pino({ enabled: false }),
      signal: stopping.signal,
      onNews: () => own.leaveOut(endpoints, carryOut),
      changed: () => changes++,
    });
    let areLeftOut = false;
    void own.areLeftOut.then(() => {
      areLeftOut = true;
    });
    const use = () => own.leaveOut(endpoints, carryOut);
    return { use, areLeftOut: () => areLeftOut, trouble: () => own.trouble };
  }
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it('takes what the cluster tells, where it tells at once, and does not ask again', async () => {
    brokers = async () => ['192.0.2.9:9092', '192.0.2.10:9093'];
    const { use, areLeftOut } = ownAddresses();
    await use();
    await pass(600_000);
    expect(carriedOut).toEqual([['192.0.2.1 443', '192.0.2.10 9093', '192.0.2.9 9092']]);
    expect([areLeftOut(), asked]).toEqual([true, 1]);
  });

  it('leaves out the configured brokers while the cluster says nothing, and the others once it has', async () => {
    let answer!: (endpoints: readonly string[]) => void;
    brokers = () => new Promise((resolve) => (answer = resolve));
    const { use, areLeftOut } = ownAddresses();
    const used = use();
    await pass(2000);
    await used;
    expect(carriedOut).toEqual([['192.0.2.1 443', '192.0.2.9 9092']]);
    expect([areLeftOut(), asked]).toEqual([false, 1]);
    answer(['192.0.2.10:9093']);
    await pass(0);
    brokers = async () => ['192.0.2.10:9093'];
    answer(['192.0.2.10:9093']);
    await pass(1000);
    expect(carriedOut.slice(1)).toEqual([['192.0.2.1 443', '192.0.2.10 9093']]);
    expect(areLeftOut()).toBe(true);
  });

  it('asks a cluster that is away again until it answers', async () => {
    brokers = () => Promise.reject(new Error('away'));
    const { use, areLeftOut, trouble } = ownAddresses();
    await use();
    await pass(60_000);
    expect(carriedOut).toHaveLength(1);
    expect([areLeftOut(), asked > 10]).toEqual([false, true]);
    // Said once, until it is over.
    expect([trouble(), changes]).toEqual([expect.stringMatching(/away.*BPFLEET_KAFKA_BROKERS/), 1]);
    brokers = async () => ['192.0.2.10:9093'];
    await pass(5000);
    expect([trouble(), changes]).toEqual([undefined, 2]);
    expect(carriedOut.slice(1)).toEqual([['192.0.2.1 443', '192.0.2.10 9093']]);
    expect(areLeftOut()).toBe(true);
  });

  it('keeps in mind what the cluster told while it is away', async () => {
    brokers = async () => ['192.0.2.10:9093'];
    const { use, trouble } = ownAddresses();
    await use();
    brokers = () => Promise.reject(new Error('away'));
    await use();
    expect(carriedOut[1]).toEqual(carriedOut[0]);
    expect([trouble(), changes]).toEqual([undefined, 0]);
  });

  it('does not wait for names either, and leaves out what they resolve to later', async () => {
    brokers = async () => [];
    let resolved!: (addresses: string[]) => void;
    names.set(named.host, new Promise((resolve) => (resolved = resolve)));
    const used = ownAddresses([server, named]).use();
    await pass(1000);
    await used;
    expect(carriedOut).toEqual([['192.0.2.1 443']]);
    resolved(['192.0.2.5']);
    await pass(1000);
    expect(carriedOut.slice(1)).toEqual([['192.0.2.1 443', '192.0.2.5 443']]);
  });

  it('looks for a name again that did not resolve', async () => {
    brokers = async () => [];
    const { use, areLeftOut } = ownAddresses([named]);
    await use();
    await pass(0);
    expect([carriedOut, areLeftOut()]).toEqual([[[]], true]);
    names.set(named.host, Promise.resolve(['192.0.2.5']));
    await pass(60_000);
    expect(carriedOut.slice(1)).toEqual([['192.0.2.5 443']]);
  });
});
