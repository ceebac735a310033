import { internalApi } from '@bpfleet/contract';
import { describe, expect, it } from 'vitest';
import { httpRig } from '../testing/http-rig.js';
import { TestAgent } from '../testing/test-agent.js';

const rig = httpRig();

describe('the registry over HTTP', () => {
  const ask = (known?: number, wait = '30s', signal?: AbortSignal) =>
    rig.service.client.send(internalApi.getRegistry, {
      query: { wait },
      ...(known === undefined ? {} : { headers: { 'if-none-match': `"${known}"` } }),
      ...(signal ? { signal } : {}),
    });

  it('is named by its revision', async () => {
    await new TestAgent('a', rig.service.url).register();
    const response = await ask();
    const registry = internalApi.getRegistry.response.parse(await response.json());
    expect(response.headers.get('etag')).toBe(`"${registry.revision}"`);
    expect(registry.agents).toMatchObject([{ id: 'a' }]);
    const again = await ask(registry.revision, '0s');
    expect([again.status, again.headers.get('etag')]).toEqual([304, `"${registry.revision}"`]);
  });
  it('comes to whoever waits for another one', async () => {
    const { revision } = internalApi.getRegistry.response.parse(await (await ask()).json());
    const answer = ask(revision);
    await expect.poll(() => rig.service.feed.size).toBe(1);
    await new TestAgent('a', rig.service.url).enrol();
    expect(await (await answer).json()).toMatchObject({ agents: [{ id: 'a' }] });
  });
});
