import { describe, expect, it } from 'vitest';
import { boundedAnswer } from './bounded-answer.js';
import { ApiClient } from './client.js';
import { queryApi } from './query/query-api.js';

const MiB = 1024 * 1024;

/** An answer that never ends, and how much of it was asked for. */
function endless(status = 200) {
  const taken = { bytes: 0, isCancelled: false };
  const body = new ReadableStream({
    pull(controller) {
      taken.bytes += 65_536;
      controller.enqueue(new Uint8Array(65_536));
    },
    cancel() {
      taken.isCancelled = true;
    },
  });
  return { taken, response: new Response(body, { status }) };
}
const tooLarge = {
  code: 'ANSWER_TOO_LARGE',
  message: expect.stringContaining('larger than 1 MiB'),
  hint: expect.stringMatching(/is it bpfleet/),
};

describe('an answer that is bounded', () => {
  it('is read where it has as much as it may', async () => {
    expect(await boundedAnswer(new Response('x'.repeat(MiB)), MiB).text()).toHaveLength(MiB);
    await expect(boundedAnswer(new Response('x'.repeat(MiB + 1)), MiB).text()).rejects.toMatchObject(tooLarge);
  });
  it('is read where it has no body', async () => {
    expect(await boundedAnswer(new Response(null, { status: 204 }), MiB).text()).toBe('');
  });
  it('is given up as soon as it has more', async () => {
    const { taken, response } = endless();
    await expect(boundedAnswer(response, MiB).arrayBuffer()).rejects.toMatchObject(tooLarge);
    expect(taken.isCancelled).toBe(true);
    expect(taken.bytes).toBeLessThan(2 * MiB);
  });
  it('ends as it does where the other side breaks off', async () => {
    const broken = new TypeError('terminated');
    const body = new ReadableStream({ pull: (controller) => controller.error(broken) });
    await expect(boundedAnswer(new Response(body), MiB).text()).rejects.toBe(broken);
  });
  it.each([200, 500])('is what a client takes in, with status %i too', async (status) => {
    const { taken, response } = endless(status);
    const options = { server: 'http://127.0.0.1:1', fetch: async () => response, maxAnswerBytes: MiB };
    const call = new ApiClient(options).call(queryApi.listIdentityConflicts, { query: {} });
    await expect(call).rejects.toMatchObject(tooLarge);
    expect(taken.isCancelled).toBe(true);
  });
});
