import type { Producer } from '@bpfleet/bus';
import { describe, expect, it } from 'vitest';
import { HeldProducer } from './held-producer.js';

describe('HeldProducer', () => {
  function held() {
    const sent: string[] = [];
    const timeouts: number[] = [];
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const inner: Producer = {
      start: async () => {},
      send: async (topic, _, timeoutMs) => {
        sent.push(topic);
        timeouts.push(timeoutMs);
      },
      stop: async () => {},
    };
    return { producer: new HeldProducer(inner, released), sent, timeouts, release };
  }

  it('sends what it was given once it may', async () => {
    const { producer, sent, release } = held();
    const sending = producer.send('topic', [], 60_000);
    expect(sent).toEqual([]);
    release();
    await sending;
    expect(sent).toEqual(['topic']);
  });

  it('leaves the rest of the time to what sends, and all of it once it may', async () => {
    const { producer, timeouts, release } = held();
    const sending = producer.send('topic', [], 60_000);
    release();
    await sending;
    await producer.send('topic', [], 60_000);
    expect(timeouts[0]).toBeLessThan(60_000);
    expect(timeouts[1]).toBe(60_000);
  });

  it('says when the time is over, without having sent anything', async () => {
    const { producer, sent } = held();
    await expect(producer.send('topic', [], 1)).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
    expect(sent).toEqual([]);
  });

  it('lets go of what waits when it is stopped', async () => {
    const { producer, sent } = held();
    const sending = producer.send('topic', [], 60_000);
    await producer.stop();
    await expect(sending).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
    expect(sent).toEqual([]);
  });
});
