import { FlowListQuery, TimelineQuery, TopQuery } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryLedger } from '../ledger/memory-ledger.js';
import { MOST_QUESTIONS, QUESTION_TIME_MS } from './config.js';
import { FlowSource } from './flow-source.js';
import { FlowsService } from './flows.service.js';

/** Never answers: it ends with its signal, as Postgres does, or with `fail`. */
class SilentFlows extends FlowSource {
  asked = 0;
  fail: (error: unknown) => void = () => {};

  override ask = (_: unknown, signal?: AbortSignal) => {
    this.asked++;
    return new Promise<never>((_, reject) => {
      this.fail = reject;
      signal!.addEventListener('abort', () => reject(signal!.reason));
    });
  };
}

describe('FlowsService', () => {
  let flows: SilentFlows;
  let service: FlowsService;
  let caller: AbortController;

  beforeEach(() => {
    vi.useFakeTimers();
    flows = new SilentFlows();
    service = new FlowsService(flows, new MemoryLedger());
    caller = new AbortController();
  });
  afterEach(() => vi.useRealTimers());

  const nowMs = Date.parse('2026-03-01T12:00:00Z');
  const questions: [string, () => Promise<unknown>][] = [
    ['a list', () => service.list(FlowListQuery.parse({}), nowMs, caller.signal)],
    ['a timeline', () => service.timeline(TimelineQuery.parse({}), nowMs, caller.signal)],
    ['a top', () => service.top(TopQuery.parse({}), nowMs, caller.signal)],
  ];

  it.each(questions)('ends %s that takes too long, and says how to ask', async (_, ask) => {
    const answer = ask().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(QUESTION_TIME_MS);
    expect(await answer).toMatchObject({ code: 'QUERY_TIMEOUT', hint: expect.stringContaining('shorter range') });
  });

  it.each(questions)('says of %s that Postgres ended how to ask', async (_, ask) => {
    const answer = ask().catch((error: unknown) => error);
    flows.fail(new BpfleetError('QUERY_TIMEOUT', 'statement timeout'));
    expect(await answer).toMatchObject({ code: 'QUERY_TIMEOUT', hint: expect.stringContaining('shorter range') });
  });

  it('refuses more questions at a time than it may, of whatever kind, and takes new ones behind them', async () => {
    const running = Array.from({ length: MOST_QUESTIONS }, (_, index) => questions[index % 3]![1]().catch(() => {}));
    for (const [, ask] of questions) await expect(ask()).rejects.toMatchObject({ code: 'TOO_BUSY' });
    expect(flows.asked).toBe(MOST_QUESTIONS);
    caller.abort();
    await Promise.all(running);
    caller = new AbortController();
    const next = questions[0]![1]().catch(() => {});
    expect(flows.asked).toBe(MOST_QUESTIONS + 1);
    caller.abort();
    await next;
  });

  it("gives its caller's own reason when that one goes away", async () => {
    const answer = questions[2]![1]();
    caller.abort(new Error('gone'));
    await expect(answer).rejects.toThrow('gone');
  });
});
