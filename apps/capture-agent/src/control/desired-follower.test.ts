import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DELEGATION_HEADER, SERVER_TIME_HEADER } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { claimedAgent, PrivateKey } from '@bpfleet/service';
import { decodeJwt } from 'jose';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesireOrder, NamedBundle } from '../border/opener-port.js';
import { SigningService } from '../testing/signing-service.js';
import { AgentClient } from './agent-client.js';
import { ControlTrouble } from './control-trouble.js';
import { DesiredFollower } from './desired-follower.js';
import { type ClaimedState, claimedState, KeptOrders } from './kept-orders.js';

/** The agent API as far as following goes: one state, its bundles, and what was asked. */
class FakeApi {
  order: DesireOrder | undefined;
  /** Instead of every bundle. */
  forged: Uint8Array | undefined;
  /** Instead of every state. */
  forgedState: string | undefined;
  readonly asked: string[] = [];
  readonly nonces: (string | null)[] = [];
  clockMs = Date.now();
  /** As a cache in between: what is known is answered at once. */
  ignoresWait = false;
  readonly #waiting = new Set<() => void>();

  desire(order: DesireOrder): void {
    this.order = order;
    for (const wake of this.#waiting) wake();
  }

  fetch: typeof fetch = async (input, init) => {
    const url = new URL(String(input));
    this.asked.push(url.pathname);
    const headers = new Headers(init?.headers);
    const issuedMs = decodeJwt(headers.get('authorization')!.slice('Bearer '.length)).iat! * 1000;
    const time = { [SERVER_TIME_HEADER]: new Date(this.clockMs).toISOString() };
    if (Math.abs(issuedMs - this.clockMs) > 60_000) {
      const problem = { type: 'about:blank', title: 'clock', status: 401, code: 'CLOCK_SKEW', detail: 'off' };
      return new Response(JSON.stringify(problem), { status: 401, headers: time });
    }
    expect([claimedAgent(headers.get('authorization')!.slice(7)), headers.get(DELEGATION_HEADER)]).toEqual([
      'agent-1',
      'd',
    ]);
    if (url.pathname.endsWith('/desired')) this.nonces.push(url.searchParams.get('nonce'));
    if (url.pathname.endsWith('/desired')) return this.#desired(headers.get('if-none-match'), init!.signal!, time);
    const index = this.bundleDigests.indexOf(decodeURIComponent(url.pathname.split('/').at(-1)!));
    return new Response(this.forged ?? Buffer.from(this.order!.bundles[index]!, 'base64'), { headers: time });
  };

  get bundleDigests(): string[] {
    return claimedState(this.order!.state).state.entries.map(({ digest }) => digest);
  }

  async #desired(known: string | null, signal: AbortSignal, time: Record<string, string>): Promise<Response> {
    const etag = () => (this.order ? `"${claimedState(this.order.state).state.generation}"` : '"-1"');
    if (known === etag() && this.ignoresWait) return new Response(null, { status: 304, headers: time });
    if (known === etag()) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        signal.addEventListener('abort', () => resolve());
        if (signal.aborted) resolve();
      });
      if (known === etag()) return new Response(null, { status: 304, headers: time });
    }
    return new Response(this.forgedState ?? JSON.stringify(this.order!.state), { headers: { ...time, etag: etag() } });
  }
}

describe('DesiredFollower', () => {
  let folder: string;
  let api: FakeApi;
  let taken: { claimed: ClaimedState; bundles: readonly string[]; leftOut: readonly NamedBundle[] }[];
  let refuse: BpfleetError | undefined;
  let trouble: ControlTrouble;
  let asked: number;
  let wantsState: boolean;
  let during: () => Promise<void>;
  const started: DesiredFollower[] = [];
  const service = new SigningService('agent-1');
  const web = { filter: 'web', version: 1, expression: 'tcp port 80' };
  const dns = { filter: 'dns', version: 1, expression: 'udp port 53' };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-follower-'));
    api = new FakeApi();
    taken = [];
    refuse = undefined;
    asked = 0;
    wantsState = false;
    during = async () => {};
    trouble = new ControlTrouble(() => {});
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((follower) => follower.stop()));
    rmSync(folder, { recursive: true });
  });

  async function start(): Promise<DesiredFollower> {
    const session = { agent: 'agent-1', key: PrivateKey.generate(), delegation: 'd' };
    const follower = new DesiredFollower({
      client: new AgentClient('http://127.0.0.1:1', session, (...request) => api.fetch(...request)),
      kept: new KeptOrders(folder, pino({ level: 'silent' })),
      logger: pino({ level: 'silent' }),
      trouble,
      registered: Promise.resolve(),
      desire: async (claimed, bundles) => {
        await during();
        if (refuse) throw refuse;
        taken.push({ claimed, ...bundles });
      },
      challenge: async () => ({ nonce: `n-${++asked}`, wantsState }),
      onFatal: (error) => expect.unreachable(String(error)),
    });
    started.push(follower);
    await follower.start();
    return follower;
  }
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const generations = () => taken.map(({ claimed }) => claimed.state.generation);

  it('hands state and bundles over as they came, and follows the next', async () => {
    api.desire(service.desire([web, dns]));
    await start();
    await until(() => taken.length === 1);
    expect(taken[0]!.claimed.envelope).toEqual(api.order!.state);
    expect(taken[0]!.bundles).toEqual(api.order!.bundles);
    api.desire(service.desire([web]));
    await until(() => taken.length === 2);
  });

  it('does not ask all the time where something in between does not hold the call', async () => {
    api.ignoresWait = true;
    api.desire(service.desire([web]));
    await start();
    await until(() => taken.length === 1);
    const takenMs = performance.now();
    await until(() => api.nonces.length >= 4);
    // Two pauses at the least: a timer is never early by more than its grain.
    expect(performance.now() - takenMs).toBeGreaterThan(700);
  });

  it('asks with the opener’s nonce, each time with another', async () => {
    api.desire(service.desire([web]));
    await start();
    await until(() => taken.length === 1);
    api.desire(service.desire([dns]));
    await until(() => taken.length === 2 && api.nonces.length === 3);
    expect(api.nonces).toEqual(['n-1', 'n-2', 'n-3']);
  });

  it('asks for the state that it has, where the opener wants its time', async () => {
    api.desire(service.desire([web]));
    const first = await start();
    await until(() => taken.length === 1 && readdirSync(folder).includes('desired.json'));
    await first.stop();
    wantsState = true;
    await start();
    await until(() => taken.length >= 3);
    wantsState = false;
    expect(new Set(generations()).size).toBe(1);
  });

  it('asks for each bundle once, also over restarts, and keeps none that is not named', async () => {
    api.desire(service.desire([web, dns]));
    await start();
    await until(() => taken.length === 1);
    await until(() => readdirSync(folder).includes('desired.json'));
    await start();
    expect(generations()).toEqual([generations()[0], generations()[0]]);
    expect(api.asked.filter((path) => path.includes('/bundles/'))).toHaveLength(2);
    api.desire(service.desire([dns]));
    await until(() => taken.length >= 3);
    await until(() => readdirSync(join(folder, 'bundles')).length === 1);
  });

  it('starts from disk while the filter-manager is away', async () => {
    api.desire(service.desire([web]));
    await (await start()).stop();
    await until(() => taken.length === 1);
    api.fetch = async () => Promise.reject(new Error('away'));
    await start();
    expect(generations()).toHaveLength(2);
  });

  it('carries out again what was kept, one state at a time', async () => {
    api.desire(service.desire([web]));
    const follower = await start();
    await until(() => readdirSync(folder).includes('desired.json'));
    let isBusy = false;
    during = async () => {
      expect(isBusy).toBe(false);
      isBusy = true;
      await new Promise((resolve) => setTimeout(resolve, 20));
      isBusy = false;
    };
    api.desire(service.desire([dns]));
    await Promise.all([follower.repeat(), follower.repeat(), until(() => taken.length === 4)]);
    await follower.repeat();
    expect(generations().at(-1)).toBe(Math.max(...generations()));
    expect(taken.at(-1)!.bundles).toEqual(api.order!.bundles);
  });

  it('asks as if there was none when the state on disk is damaged', async () => {
    api.desire(service.desire([web]));
    const first = await start();
    await until(() => taken.length === 1 && readdirSync(folder).includes('desired.json'));
    await first.stop();
    writeFileSync(join(folder, 'desired.json'), '{');
    await start();
    await until(() => taken.length === 2);
  });

  it('runs what is whole when a bundle on disk is damaged, and fetches that one again', async () => {
    api.desire(service.desire([web, dns]));
    const first = await start();
    await until(() => taken.length === 1 && readdirSync(folder).includes('desired.json'));
    await first.stop();
    writeFileSync(join(folder, 'bundles', `${api.bundleDigests[0]!.slice(7)}.json`), 'x');
    await start();
    await until(() => taken.length === 3);
    expect(taken[1]).toMatchObject({ bundles: [api.order!.bundles[1]], leftOut: [{ isDamaged: true }] });
    expect(taken[2]).toMatchObject({ bundles: api.order!.bundles, leftOut: [] });
  });

  it.each([
    ['the state', () => mkdirSync(join(folder, 'desired.json'))],
    ['the folder of bundles', () => writeFileSync(join(folder, 'bundles'), '')],
    [
      'a bundle',
      () => mkdirSync(join(folder, 'bundles', `${api.bundleDigests[0]!.slice(7)}.json`), { recursive: true }),
    ],
  ])('follows, in memory, where %s on disk can neither be read nor written', async (_, spoil) => {
    api.desire(service.desire([web, dns]));
    void spoil();
    await start();
    await until(() => taken.length === 1);
    api.desire(service.desire([dns]));
    await until(() => taken.length === 2);
    expect(trouble.errors).toEqual([]);
  });

  it('says that the filter-manager is away only until it answers', async () => {
    api.desire(service.desire([web]));
    const answer = api.fetch;
    api.fetch = async () => Promise.reject(new TypeError('away'));
    await start();
    await until(() => trouble.errors.length > 0);
    expect(trouble.errors).toMatchObject([{ code: 'SERVER_UNREACHABLE' }]);
    api.fetch = answer;
    await until(() => taken.length === 1);
    expect(trouble.errors).toEqual([]);
    await started.at(-1)!.stop();

    // It has that state now, and the answer is 304.
    api.fetch = async () => Promise.reject(new TypeError('away'));
    await start();
    await until(() => trouble.errors.length > 0);
    const waits: (string | null)[] = [];
    api.fetch = async (input) => {
      waits.push(new URL(String(input)).searchParams.get('wait'));
      return new Response(null, { status: 304 });
    };
    await until(() => trouble.errors.length === 0 && waits.length > 1);
    expect(taken).toHaveLength(2);
    // An answer that is held back for long would leave it in the status for as long.
    expect(waits.slice(0, 2)).toEqual(['5s', '30s']);
  });

  it('asks again for a state that was refused, and does not keep it', async () => {
    refuse = new BpfleetError('SIGNATURE_INVALID', 'a strange key');
    api.desire(service.desire([web]));
    await start();
    await until(() => api.asked.filter((path) => path.endsWith('/desired')).length >= 2);
    expect(readdirSync(folder)).not.toContain('desired.json');
    expect(trouble.errors).toMatchObject([{ code: 'SIGNATURE_INVALID', message: 'a strange key' }]);
    refuse = undefined;
    await until(() => taken.length === 1);
    expect(trouble.errors).toEqual([]);
  });

  it.each([
    ['another one', new Uint8Array(9)],
    ['more than a bundle may have', new Uint8Array(5 * 1024 * 1024)],
  ])('takes in no bundle that is %s, and asks again', async (_name, forged) => {
    api.desire(service.desire([web]));
    api.forged = forged;
    await start();
    await until(() => api.asked.filter((path) => path.includes('/bundles/')).length >= 2);
    expect(taken).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    api.forged = undefined;
    await until(() => taken.length === 1);
  });

  it('takes in no state that is longer than any may be, and says so until there is one', async () => {
    api.desire(service.desire([web]));
    api.forgedState = ' '.repeat(5 * 1024 * 1024);
    await start();
    await until(() => trouble.errors.length > 0);
    expect(trouble.errors).toMatchObject([{ code: 'ANSWER_TOO_LARGE' }]);
    expect(trouble.isPassing).toBe(true);
    api.forgedState = undefined;
    await until(() => taken.length === 1);
    expect(trouble.errors).toEqual([]);
  });

  it('goes by the time of the service when the host’s clock is off', async () => {
    api.clockMs = Date.now() + 3_600_000;
    api.desire(service.desire([web]));
    await start();
    await until(() => taken.length === 1);
  });
});
