import { beforeEach, describe, expect, it } from 'vitest';
import { LimitedLogger } from './limited-logger.js';

let lines: object[];
let nowMs: number;
let logger: LimitedLogger;

beforeEach(() => {
  lines = [];
  nowMs = 0;
  const target = {
    debug: (fields: object, message: string) => lines.push({ ...fields, message, level: 'debug' }),
    warn: (fields: object, message: string) => lines.push({ ...fields, message }),
  };
  logger = new LimitedLogger(target, () => nowMs);
});

describe('LimitedLogger', () => {
  it('logs a warning once in half a minute, then says how many were held back', () => {
    for (nowMs = 0; nowMs < 90_000; nowMs += 500) logger.warn({ said: 'refused' }, 'trouble');
    expect(lines).toEqual([
      { said: 'refused', message: 'trouble' },
      { said: 'refused', message: 'trouble', heldBack: 59 },
      { said: 'refused', message: 'trouble', heldBack: 59 },
    ]);
  });

  it('tells warnings apart by their text, by what kafkajs said and by the error', () => {
    logger.warn({ said: 'refused' }, 'trouble');
    logger.warn({ said: 'reset' }, 'trouble');
    logger.warn({ err: new Error('reset') }, 'failed');
    logger.warn({ err: new Error('timeout') }, 'failed');
    expect(lines).toHaveLength(4);
  });

  it('keeps few kinds in mind, the newest', () => {
    for (let number = 0; number < 1000; number += 1) logger.warn({ said: `correlation ${number}` }, 'trouble');
    logger.warn({ said: 'correlation 999' }, 'trouble');
    expect(lines).toHaveLength(1000);
    logger.warn({ said: 'correlation 0' }, 'trouble');
    expect(lines).toHaveLength(1001);
  });

  it('keeps what goes on for long rather than what was said once', () => {
    const once = (from: number) => {
      for (let number = from; number < from + 60; number += 1) logger.warn({ said: `once ${number}` }, 'trouble');
    };
    logger.warn({ said: 'goes on' }, 'trouble');
    once(0);
    nowMs = 40_000;
    logger.warn({ said: 'goes on' }, 'trouble');
    once(60);
    lines = [];
    logger.warn({ said: 'goes on' }, 'trouble');
    expect(lines).toEqual([]);
  });

  it('leaves what is only told on request as it is', () => {
    logger.debug({}, 'connected');
    logger.debug({}, 'connected');
    expect(lines).toHaveLength(2);
  });
});
