import { agentApi, controlApi, internalApi } from '@bpfleet/contract';
import { openApiOf, operationsOf } from '@bpfleet/service/nest';
import { describe, expect, it } from 'vitest';
import { httpRig } from './testing/http-rig.js';

const rig = httpRig();

describe('the API', () => {
  it('is the contract: each of its routes, under its name, and nothing else', () => {
    const bound = operationsOf(rig.service.app).map(({ operationId, route }) => [operationId, route]);
    expect(Object.fromEntries(bound)).toEqual({ ...controlApi, ...agentApi, ...internalApi });
  });
  it('is documented with everything that its schemas refer to', () => {
    const document = openApiOf(rig.service.app);
    for (const { path, method } of Object.values({ ...controlApi, ...agentApi, ...internalApi })) {
      expect(document.paths[path]?.[method.toLowerCase()], `${method} ${path}`).toBeDefined();
    }
    const references = JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    for (const [, name] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  });
});
