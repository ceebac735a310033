import { controlApi } from '@bpfleet/contract';
import { afterEach, beforeEach } from 'vitest';
import { type MemoryService, startMemoryService } from './memory-service.js';

/** What the service answered, where it is a problem. */
export const problem = async (response: Response) => ({
  status: response.status,
  ...((await response.json()) as object),
});

/** The API over memory, anew for each test of the file that calls it, and what many tests ask of it. */
export function httpRig() {
  let service: MemoryService;
  beforeEach(async () => {
    service = await startMemoryService();
  });
  afterEach(() => service.close());
  return {
    get service(): MemoryService {
      return service;
    },
    create: (name: string, expression = `${name} 1`) =>
      service.client.call(controlApi.createFilter, { body: { name, expression } }),
    request: (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
      fetch(service.url + path, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  };
}
