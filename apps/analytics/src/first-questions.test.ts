import type { Top } from '@bpfleet/contract';
import { packetMediaTypes } from '@bpfleet/contract';
import { describe, expect, it, vi } from 'vitest';
import { firstQuestions } from './first-questions.js';

const logger = { debug: vi.fn() };
const noTop = async (): Promise<Top> => ({}) as Top;

const ends = [
  { source: '10.0.0.1', destination: '10.0.0.2' },
  { source: '10.0.0.2', destination: '2001:db8::1' },
  { source: '02:00:00:00:00:01' },
  {},
];

function packetsThat(read: (filter: string) => Promise<void>, packets: readonly object[] = ends) {
  return {
    async answer({ filter }: { readonly filter: string }) {
      async function* body(): AsyncGenerator<Uint8Array, void, void> {
        await read(filter);
        const text = JSON.stringify({ packets });
        yield Buffer.from(text.slice(0, 5));
        yield Buffer.from(text.slice(5));
      }
      return { mediaType: packetMediaTypes.json, body: body() };
    },
  };
}

describe('firstQuestions', () => {
  it('asks for talkers, then about hosts of the newest packets, which may take all of the time', async () => {
    const asked: string[] = [];
    const packets = packetsThat(async (filter) => {
      asked.push(filter);
    });
    const top = async (): Promise<Top> => {
      asked.push('top');
      return noTop();
    };
    await firstQuestions(packets, { top }, logger);
    expect(asked.slice(3)).toEqual(['top', 'host 10.0.0.1', 'host 10.0.0.2', 'host 2001:db8::1']);
  });

  it('asks about a few of many hosts', async () => {
    let asked = 0;
    const many = Array.from({ length: 100 }, (_, host) => ({ source: `10.0.0.${host}` }));
    const packets = packetsThat(async () => {
      asked++;
    }, many);
    await firstQuestions(packets, { top: noTop }, logger);
    expect(asked).toBeLessThan(50);
  });

  it('does not fail where the store does, and says so', async () => {
    const error = new Error('no store');
    await firstQuestions(
      packetsThat(() => Promise.reject(error)),
      { top: noTop },
      logger,
    );
    expect(logger.debug).toHaveBeenCalledWith({ err: error }, expect.any(String));
  });

  it('does not wait for a store that does not answer', async () => {
    const never = new Promise<void>(() => undefined);
    await firstQuestions(
      packetsThat(() => never),
      { top: noTop },
      logger,
      20,
    );
  });
});
