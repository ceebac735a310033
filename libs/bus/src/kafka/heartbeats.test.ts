import { describe, expect, it } from 'vitest';
import { withHeartbeats } from './heartbeats.js';

const answer = (type: string) => Object.assign(new Error(type), { type });

/** Work that ends when it is hurried, or after `beats` heartbeats; each is answered by `respond`. */
async function run(respond: (beat: number) => unknown, beats: number, graceMs = 60_000) {
  let end: (how: string) => void = () => undefined;
  const work = new Promise<string>((resolve) => {
    end = resolve;
  });
  let beat = 0;
  const heartbeat = async () => {
    beat += 1;
    if (beat >= beats) end('done');
    const refusal = respond(beat);
    if (refusal !== undefined) throw refusal;
  };
  const result = withHeartbeats(work, { heartbeat, intervalMs: 1, graceMs, hurry: () => end('hurried') });
  return { how: await work, result: await result.catch((error: unknown) => error) };
}

describe('withHeartbeats', () => {
  it('beats until the work is done', async () => {
    expect(await run(() => undefined, 3)).toEqual({ how: 'done', result: 'done' });
  });

  it.each(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'])('hurries the work and passes on %s', async (type) => {
    const { how, result } = await run(() => answer(type), 1_000);
    expect(how).toBe('hurried');
    expect(result).toMatchObject({ type });
  });

  it('lets the work end by itself while the group shares anew, then passes that on', async () => {
    const { how, result } = await run((beat) => (beat === 1 ? answer('REBALANCE_IN_PROGRESS') : undefined), 3);
    expect(how).toBe('done');
    expect(result).toMatchObject({ type: 'REBALANCE_IN_PROGRESS' });
  });

  it('hurries it when the others have waited long enough', async () => {
    expect((await run(() => answer('REBALANCE_IN_PROGRESS'), 10_000, 5)).how).toBe('hurried');
  });

  it('does not mind a heartbeat that was lost on the way', async () => {
    expect(await run(() => new Error('connection closed'), 3)).toEqual({ how: 'done', result: 'done' });
  });

  it('passes on how the work failed', async () => {
    const failed = withHeartbeats(Promise.reject(new Error('no')), {
      heartbeat: async () => undefined,
      intervalMs: 1,
      graceMs: 1,
      hurry: () => undefined,
    });
    await expect(failed).rejects.toThrow('no');
  });
});
