import type { Producer } from '@bpfleet/bus';
import { describe, expect, it } from 'vitest';
import { HeldProducer } from './held-producer.js';

describe('HeldProducer', () => {
  function held() {
    const sent: string[] = [];
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const inner: Producer = {
      start: async () => {},
      send: async (topic) => void sent.push(topic),
      stop: async () => {},
    };
    return { producer: new HeldProducer(inner, released), sent, release };
  }

  it('sends what it was given once it may', async () => {
    const { producer, sent, release } = held();
    const sending = producer.send('topic', [], 60_000);
    expect(sent).toEqual([]);
    release();
    await sending;
    expect(sent).toEqual(['topic']);
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
