import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { agentApi, DELEGATION_HEADER, SERVER_TIME_HEADER } from '@bpfleet/contract';
import { claimedAgent, PrivateKey, verifyAgentToken } from '@bpfleet/service';
import { beforeEach, describe, expect, it } from 'vitest';
import { AgentClient } from './agent-client.js';

const key = PrivateKey.generate();
const session = { agent: 'host-1', key, delegation: 'the delegation' };

/** Judges tokens as the filter-manager does. */
class FakeApi {
  clockMs = Date.now();
  isKnown = true;
  readonly tokens: string[] = [];
  delegations = new Set<string | null>();

  readonly fetch: typeof fetch = async (_input, init) => {
    const headers = new Headers(init?.headers);
    const token = headers.get('authorization')!.replace('Bearer ', '');
    this.tokens.push(token);
    this.delegations.add(headers.get(DELEGATION_HEADER));
    const time = { [SERVER_TIME_HEADER]: new Date(this.clockMs).toISOString() };
    const code = this.isKnown ? await this.#fault(token) : 'NOT_ENROLLED';
    if (code === undefined) return new Response(JSON.stringify({ serverTime: 'now' }), { headers: time });
    const problem = { type: 'about:blank', title: 'no', status: 401, code };
    return new Response(JSON.stringify(problem), { status: 401, headers: time });
  };

  async #fault(token: string): Promise<string | undefined> {
    expect(claimedAgent(token)).toBe('host-1');
    return verifyAgentToken(token, key.publicKey, this.clockMs).then(
      () => undefined,
      (error: { code: string }) => error.code,
    );
  }
}

describe('the client of the agent API', () => {
  let api: FakeApi;
  let client: AgentClient;
  beforeEach(() => {
    api = new FakeApi();
    client = new AgentClient('http://filter-manager', session, api.fetch);
  });
  const call = () => client.send(agentApi.getDesired, { query: {} });

  it('signs each call anew, and says who vouches for its key', async () => {
    await call();
    await call();
    expect(new Set(api.tokens).size).toBe(2);
    expect([...api.delegations]).toEqual(['the delegation']);
  });
  it.each([-86_400_000, -100_000, 100_000, 86_400_000])(
    'is heard by a service whose clock is %i ms off',
    async (offMs) => {
      api.clockMs += offMs;
      expect((await call()).status).toBe(200);
      expect(api.tokens).toHaveLength(2);
      await call();
      expect(api.tokens).toHaveLength(3);
    },
  );
  it('does not ask for ever', async () => {
    const jumping: typeof fetch = (input, init) => {
      api.clockMs += 1e6;
      return api.fetch(input, init);
    };
    client = new AgentClient('http://filter-manager', session, jumping);
    await expect(call()).rejects.toMatchObject({ code: 'CLOCK_SKEW' });
    expect(api.tokens).toHaveLength(2);
  });
  it('enrols again where nobody knows it any more', async () => {
    api.isKnown = false;
    client.onUnknown = async () => {
      api.isKnown = true;
    };
    expect((await call()).status).toBe(200);
  });
  it('takes in no more than an answer may have, once it is unpacked', async () => {
    const packed = gzipSync(Buffer.alloc(5 * 1024 * 1024, ' '));
    expect(packed.length).toBeLessThan(10_000);
    const server = createServer((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      client = new AgentClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, session);
      const body = { token: '', enrolment: { payloadType: '', payload: '', signatures: [] } };
      await expect(client.anonymous.call(agentApi.enrol, { body })).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE' });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
  it('says why it cannot', async () => {
    api.isKnown = false;
    await expect(call()).rejects.toMatchObject({ code: 'NOT_ENROLLED' });
    client.onUnknown = () => Promise.reject(new Error('refused'));
    await expect(call()).rejects.toThrow('refused');
  });
});
