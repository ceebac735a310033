import type { Top } from '@bpfleet/contract';
import { packetMediaTypes } from '@bpfleet/contract';
import { describe, expect, it, vi } from 'vitest';
import { firstQuestions } from './first-questions.js';

const logger = { debug: vi.fn() };
const noTop = async (): Promise<Top> => ({}) as Top;

function packetsThat(read: () => Promise<void>) {
  return {
    async answer() {
      async function* body(): AsyncGenerator<Uint8Array, void, void> {
        await read();
        yield new Uint8Array();
      }
      return { mediaType: packetMediaTypes.json, body: body() };
    },
  };
}

describe('firstQuestions', () => {
  it('reads the answers to their end, then asks for talkers', async () => {
    let read = 0;
    const top = vi.fn(noTop);
    const packets = packetsThat(async () => {
      expect(top).not.toHaveBeenCalled();
      read++;
    });
    await firstQuestions(packets, { top }, logger);
    expect(read).toBe(3);
    expect(top).toHaveBeenCalledOnce();
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
