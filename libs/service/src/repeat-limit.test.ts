import { BpfleetError } from '@bpfleet/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger, type Logger } from './logger.js';
import { createMetrics } from './metrics.js';

const MINUTE_MS = 60_000;

let lines: { msg: string; times?: number; err?: unknown; [name: string]: unknown }[];
let logger: Logger;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  logger = createLogger({ name: 'agent', destination: { write: (line) => void lines.push(JSON.parse(line)) } });
});
afterEach(() => {
  vi.useRealTimers();
});

const unreachable = () =>
  new BpfleetError('SERVER_UNREACHABLE', 'the filter-manager at http://127.0.0.1:1 does not answer', {
    hint: 'does it run?',
    cause: new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:1') }),
  });

describe('a log', () => {
  it('says a cause once, then once a minute how often it came again', () => {
    for (let second = 0; second < 120; second++) {
      logger.warn({ err: unreachable(), retryMs: 500 + second }, 'not enrolled yet');
      vi.advanceTimersByTime(1000);
    }
    expect(lines.map(({ msg }) => msg)).toEqual([
      'not enrolled yet',
      'not enrolled yet (said 59 times in the last minute)',
      'not enrolled yet (said 60 times in the last minute)',
    ]);
    expect(lines[1]).toMatchObject({ level: 'warn', times: 59, retryMs: 559 });
  });

  it('takes a cause for news again after a minute without it', () => {
    logger.error('the spool does not work');
    vi.advanceTimersByTime(2 * MINUTE_MS);
    logger.error('the spool does not work');
    expect(lines.map(({ msg }) => msg)).toEqual(['the spool does not work', 'the spool does not work']);
  });

  it('tells what was held back also when the cause is gone', () => {
    for (let time = 0; time < 5; time++) logger.warn({ host: 'a' }, 'does not resolve');
    vi.advanceTimersByTime(MINUTE_MS);
    expect(lines.at(-1)).toMatchObject({ msg: 'does not resolve (said 4 times in the last minute)', host: 'a' });
  });

  it.each<[string, (log: Logger) => void, (log: Logger) => void]>([
    ['their text', (log) => log.warn('one'), (log) => log.warn('other')],
    ['a word among the facts', (log) => log.warn({ host: 'a' }, 'x'), (log) => log.warn({ host: 'b' }, 'x')],
    ['level', (log) => log.warn('x'), (log) => log.error('x')],
    ['what the error says', (log) => log.warn(new Error('reset')), (log) => log.warn(new Error('refused'))],
    [
      'what caused the error',
      (log) => log.warn({ err: new Error('failed', { cause: new Error('reset') }) }, 'x'),
      (log) => log.warn({ err: new Error('failed', { cause: new Error('refused') }) }, 'x'),
    ],
    [
      'the component',
      (log) => log.child({ component: 'a' }).warn('x'),
      (log) => log.child({ component: 'b' }).warn('x'),
    ],
  ])('tells causes apart by %s', (_, one, other) => {
    one(logger);
    other(logger);
    expect(lines).toHaveLength(2);
  });

  it.each<[string, (log: Logger, time: number) => void]>([
    ['a number among the facts', (log, time) => log.warn({ retryMs: time }, 'x')],
    ['a number that is written as text', (log, time) => log.warn({ offset: String(time) }, 'x')],
    ['a number in the error', (log, time) => log.warn({ err: new Error(`request ${time} timed out`) }, 'x')],
  ])('does not tell them apart by %s', (_, say) => {
    for (let time = 0; time < 9; time++) say(logger, time);
    expect(lines).toHaveLength(1);
  });

  it('has a bound, whatever goes wrong', () => {
    for (let time = 0; time < 10_000; time++) logger.warn({ file: `file-${time}` }, 'damaged');
    expect(lines.length).toBeLessThan(150);
    const before = lines.length;
    vi.advanceTimersByTime(MINUTE_MS);
    expect(lines.slice(before).map(({ times }) => times)).toEqual([10_000 - before]);
  });

  it('leaves alone what is no trouble, and what ends the process', () => {
    for (let time = 0; time < 3; time++) logger.info('partition assigned');
    for (let time = 0; time < 3; time++) logger.fatal('cannot go on');
    expect(lines).toHaveLength(6);
  });

  it('has the count of what was held back in its metrics', async () => {
    const heldBack = async (): Promise<number> => {
      const text = await createMetrics().getSingleMetricAsString('bpfleet_log_lines_held_back_total');
      return Number(/\{level="warn"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    const before = await heldBack();
    for (let time = 0; time < 58; time++) logger.warn({ err: unreachable() }, 'not enrolled yet');
    expect((await heldBack()) - before).toBe(57);
  });
});

describe('an error in a line', () => {
  it('has no stack when it is one of ours, but what to do, and what was behind it', () => {
    logger.warn({ err: unreachable() }, 'not enrolled yet');
    expect(lines[0]!.err).toEqual({
      code: 'SERVER_UNREACHABLE',
      message: 'the filter-manager at http://127.0.0.1:1 does not answer',
      hint: 'does it run?',
      cause: 'fetch failed: connect ECONNREFUSED 127.0.0.1:1',
    });
  });

  it('names each address that was tried', () => {
    const tried = new AggregateError([
      new Error('connect ECONNREFUSED ::1:1'),
      new Error('connect ECONNREFUSED 127.0.0.1:1'),
    ]);
    logger.warn({ err: new BpfleetError('SERVER_UNREACHABLE', 'no answer', { cause: tried }) }, 'not enrolled yet');
    expect(lines[0]!.err).toMatchObject({ cause: 'connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1' });
  });

  it.each<[string, () => Error]>([
    ['what the system refuses', () => Object.assign(new Error('connect ECONNREFUSED ::1:1'), { code: 'ECONNREFUSED' })],
    [
      'what was caused by that',
      () =>
        new Error('no broker', { cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }) }),
    ],
    [
      'several addresses that it refused',
      () => new AggregateError([Object.assign(new Error('connect ECONNREFUSED ::1:1'), { code: 'ECONNREFUSED' })]),
    ],
  ])('has no stack when it is %s', (_, make) => {
    logger.warn({ err: make() }, 'brokers not known yet');
    expect(JSON.stringify(lines[0]!.err)).toContain('ECONNREFUSED');
    expect(lines[0]!.err).not.toHaveProperty('stack');
  });

  it('keeps its stack when it is a defect', () => {
    logger.error({ err: new TypeError('x is not a function') }, 'a request failed');
    expect(lines[0]!.err).toMatchObject({ type: 'TypeError', stack: expect.stringContaining('repeat-limit.test.ts') });
  });
});
