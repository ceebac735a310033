import { agentApi, enrolmentKind, sealDocument } from '@bpfleet/contract';
import { PrivateKey } from '@bpfleet/service';
import { describe, expect, it } from 'vitest';
import { httpRig } from '../testing/http-rig.js';
import { startMemoryService } from '../testing/memory-service.js';
import { TestAgent } from '../testing/test-agent.js';

const rig = httpRig();

describe('enrolment over HTTP', () => {
  const keysOf = async (agent: TestAgent) => (await agent.enrol()).keys;

  it('tells the keys to trust, and the time', async () => {
    const agent = new TestAgent('a', rig.service.url);
    const enrolled = await agent.enrol({ env: 'prod' });
    expect(enrolled).toMatchObject({ agent: 'a', keys: rig.service.control.settings.keys });
    expect(enrolled.keys).toHaveLength(1);
    expect(Math.abs(Date.parse(enrolled.serverTime) - Date.now())).toBeLessThan(10_000);
  });
  it('may happen again with the same key, and not with another', async () => {
    const agent = new TestAgent('a', rig.service.url);
    expect(await keysOf(agent)).toEqual(await keysOf(agent));
    await expect(new TestAgent('a', rig.service.url).enrol()).rejects.toMatchObject({
      code: 'IDENTITY_CONFLICT',
      hint: expect.stringContaining('BPFLEET_AGENT_ID'),
    });
    await agent.report();
  });
  it('needs the key that it names', async () => {
    const [named, other] = [PrivateKey.generate(), PrivateKey.generate()];
    const document = { agent: 'a', identityPublicKey: named.publicKey, labels: {} };
    const enrolment = sealDocument(enrolmentKind, document, [other]);
    const enrol = rig.service.client.call(agentApi.enrol, { body: { token: '', enrolment } });
    await expect(enrol).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
    expect(rig.service.control.identities.size).toBe(0);
  });
  it('needs the secret of the fleet where it has one', async () => {
    const fleet = await startMemoryService('a secret');
    try {
      const agent = new TestAgent('a', fleet.url);
      for (const token of ['', 'a secre', 'a secret!']) {
        const enrol = agent.enrol({}, token);
        await expect(enrol).rejects.toMatchObject({ code: 'ENROLMENT_REFUSED' });
        await expect(enrol).rejects.not.toThrow('a secret');
      }
      expect(fleet.control.identities.size).toBe(0);
      await agent.enrol({}, 'a secret');
      // It says so again at each start, also when the secret was changed.
      await agent.enrol({}, 'an older secret');
      await expect(new TestAgent('b', fleet.url).enrol({}, 'an older secret')).rejects.toMatchObject({
        code: 'ENROLMENT_REFUSED',
      });
    } finally {
      await fleet.close();
    }
  });
});
