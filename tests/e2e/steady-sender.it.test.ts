import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { numberedFrames } from './numbered-traffic.js';
import { hostsHere } from './requirements.js';
import { SteadySender } from './steady-sender.js';

const ASKED_PER_SECOND = 1_000;
const BUSY_MS = 300;

suiteRequires('SteadySender', { hosts: await hostsHere() }, () => {
  it('says how many it sent per second, not how many it was asked for', async () => {
    const sender = new SteadySender('lo', undefined, (from, count) => {
      for (const end = performance.now() + BUSY_MS; performance.now() < end; );
      return numberedFrames(from, count);
    });
    expect(sender.rate).toBeNaN();
    const startMs = performance.now();
    sender.start(ASKED_PER_SECOND);
    await delay(2 * BUSY_MS);
    const sent = await sender.stop();
    const { rate } = sender;
    const seconds = (performance.now() - startMs) / 1000;
    expect(rate).toBeLessThan(ASKED_PER_SECOND);
    expect(rate / (sent / seconds)).toBeCloseTo(1, 1);
  });
});
