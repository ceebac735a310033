import type { Registry } from '@bpfleet/contract';
import { beforeEach, describe, expect, it } from 'vitest';
import { IdentityKeyTable } from '../registry/identity-keys.js';
import { NOW_NS } from '../testing/sections.js';
import { SigningAgent } from '../testing/signing-agent.js';
import { type JudgeOptions, type KnownKeys, SignatureJudge } from './signature-judge.js';

/** A registry that changes when it is asked. */
class FakeRegistry implements KnownKeys {
  keys = new IdentityKeyTable();
  asked = 0;
  isAway = false;
  next: Registry['agents'] = [];

  async refresh(): Promise<boolean> {
    this.asked++;
    if (!this.isAway) this.keys = new IdentityKeyTable(this.next);
    return !this.isAway;
  }
}

let agent: SigningAgent;
let registry: FakeRegistry;
let uptimeMs: number;
const { signal } = new AbortController();
const judge = (options: Partial<JudgeOptions> = {}) =>
  new SignatureJudge(registry, {
    ...{ requireSignatures: true, patienceMs: 0, retryMs: 1, uptimeMs: () => uptimeMs },
    ...options,
  });
const section = (from: SigningAgent = agent, epoch = 1) => from.section({ epoch, seq: 7, atNs: [NOW_NS] });

beforeEach(() => {
  agent = new SigningAgent('host-1');
  registry = new FakeRegistry();
  registry.next = [agent.inRegistry()];
  registry.keys = new IdentityKeyTable(registry.next);
  uptimeMs = 0;
});

describe('the judge of signatures', () => {
  it('takes what the session key of its epoch signed, and says which key that is', () => {
    const { header, value } = section();
    expect(judge().judge(header, value)).toEqual({ sessionKey: agent.sessionKey(1) });
  });
  it.each([
    ['another value', { value: new Uint8Array(9) }, {}],
    ['another sequence', {}, { seq: 8 }],
    ['no signature at all', {}, { signature: undefined }],
    ['a signature that is none', {}, { signature: 'none' }],
  ])('refuses %s: bad-signature', (_name, bytes, changed) => {
    const { header, value } = section();
    const signature =
      'signature' in changed && changed.signature === 'none' ? { ...header.signature!, sig: '%' } : undefined;
    const { signature: _, ...unsigned } = header;
    const other = { ...('signature' in changed ? unsigned : header), ...(signature ? { signature } : {}) };
    const seq = 'seq' in changed ? changed.seq! : header.seq;
    const result = judge().judge({ ...other, seq }, 'value' in bytes ? bytes.value! : value);
    expect(result).toMatchObject({ reason: 'bad-signature' });
  });
  it('refuses the session key of another epoch: bad-signature', () => {
    const { header, value } = section();
    const result = judge().judge(agent.sign(header, value, 2), value);
    expect(result).toMatchObject({ reason: 'bad-signature', detail: expect.stringContaining('epoch 2') });
  });
  it.each([
    ['an agent that nobody knows', () => section(new SigningAgent('host-2'))],
    ['another key under a name that is known', () => section(new SigningAgent('host-1'))],
  ])('refuses %s: unknown-key', (_name, make) => {
    const { header, value } = make();
    expect(judge().judge(header, value)).toMatchObject({ reason: 'unknown-key' });
  });
  it('refuses a delegation that is no text of ours: unknown-key', () => {
    const { header, value } = section();
    for (const key of ['', '{', '[]', 'x'.repeat(5000)]) {
      const result = judge().judge({ ...header, signature: { ...header.signature!, key } }, value);
      expect(result).toMatchObject({ reason: 'unknown-key' });
    }
  });
  it('refuses a key from the moment that it is revoked: revoked-key', () => {
    const one = judge();
    const { header, value } = section();
    expect(one.judge(header, value)).toHaveProperty('sessionKey');
    registry.keys = new IdentityKeyTable([agent.inRegistry('2026-11-22T10:00:00Z')]);
    expect(one.judge(header, value)).toMatchObject({ reason: 'revoked-key' });
    registry.keys = new IdentityKeyTable();
    expect(one.judge(header, value)).toMatchObject({ reason: 'unknown-key' });
  });
  it('takes what nobody signed where nobody has to, and nothing that is signed wrongly', () => {
    const lenient = judge({ requireSignatures: false });
    const { header, value } = section();
    const { signature: _, ...unsigned } = header;
    expect(lenient.judge(unsigned, value)).toEqual({ sessionKey: undefined });
    expect(lenient.judge(header, value.subarray(1))).toMatchObject({ reason: 'bad-signature' });
  });

  describe('before it judges', () => {
    it('asks for a key that it does not know: the agent may have enrolled a moment ago', async () => {
      const one = judge();
      const other = new SigningAgent('host-2');
      registry.next = [agent.inRegistry(), other.inRegistry()];
      const { header, value } = section(other);
      await one.prepare([section().header, header], signal);
      expect(registry.asked).toBe(1);
      expect(one.judge(header, value)).toEqual({ sessionKey: other.sessionKey(1) });
    });
    it('asks nobody about keys that it knows, nor for what is not signed', async () => {
      const one = judge();
      const { header } = section();
      const { signature: _, ...unsigned } = header;
      await one.prepare([header, unsigned], signal);
      registry.keys = new IdentityKeyTable([agent.inRegistry('2026-11-22T10:00:00Z')]);
      await one.prepare([header], signal);
      expect(registry.asked).toBe(0);
    });
    it('waits for a filter-manager that is away, and goes on when it is back', async () => {
      const one = judge({ patienceMs: 1000 });
      const other = new SigningAgent('host-2');
      registry.isAway = true;
      const preparing = one.prepare([section(other).header], signal);
      await expect.poll(() => registry.asked).toBeGreaterThan(2);
      registry.next = [other.inRegistry()];
      registry.isAway = false;
      await preparing;
      expect(one.judge(section(other).header, section(other).value)).toHaveProperty('sessionKey');
    });
    it('gives up in the end, and does not wait again for the same agent at once', async () => {
      const one = judge({ patienceMs: 5 });
      registry.isAway = true;
      const { header } = section(new SigningAgent('host-2'));
      const preparing = one.prepare([header], signal);
      await expect.poll(() => registry.asked).toBeGreaterThan(0);
      uptimeMs = 10;
      await preparing;
      const { asked } = registry;
      await one.prepare([header], signal);
      expect(registry.asked).toBe(asked);
      uptimeMs = 60_011;
      registry.isAway = false;
      await one.prepare([header], signal);
      expect(registry.asked).toBe(asked + 1);
    });
    it('is let go when ingest stops', async () => {
      registry.isAway = true;
      const stopping = new AbortController();
      const one = judge({ patienceMs: 1e9, retryMs: 1e6 });
      const preparing = one.prepare([section(new SigningAgent('host-2')).header], stopping.signal);
      await expect.poll(() => registry.asked).toBe(1);
      stopping.abort();
      await preparing;
    });
  });
});
