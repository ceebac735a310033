import { EventEmitter } from 'node:events';
import { BpfleetError } from '@bpfleet/errors';
import { describe, expect, it } from 'vitest';
import { errorText } from './error-text.js';
import { type Host, runMain } from './run-main.js';

class FakeHost extends EventEmitter implements Host {
  readonly codes: number[] = [];
  written = '';
  readonly stderr = { write: (text: string) => (this.written += text) };
  exit(code: number): void {
    this.codes.push(code);
  }
}

describe('runMain', () => {
  it('exits with 0 when the work is done', async () => {
    const host = new FakeHost();
    await runMain(async () => undefined, host);
    expect(host.codes).toEqual([0]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('stops on %s, and exits after the stop', async (signal) => {
    const host = new FakeHost();
    let stopped = false;
    const main = runMain(async () => {
      queueMicrotask(() => host.emit(signal));
      return {
        stop: async () => {
          stopped = host.codes.length === 0;
        },
      };
    }, host);
    await main;
    expect({ stopped, codes: host.codes }).toEqual({ stopped: true, codes: [0] });
    expect(host.listenerCount(signal)).toBe(0);
  });

  it('stops what a signal met while it was starting', async () => {
    const host = new FakeHost();
    let stopped = false;
    await runMain(async (stopping) => {
      host.emit('SIGTERM');
      expect(stopping.aborted).toBe(true);
      return {
        stop: async () => {
          stopped = true;
        },
      };
    }, host);
    expect(stopped).toBe(true);
  });

  it('stops when it is told to in another way, and takes the first signal after that for the same wish', async () => {
    const host = new FakeHost();
    let nowMs = 1000;
    const stopped = async () => {
      nowMs += 1000;
      host.emit('SIGTERM');
    };
    const main = async (stopping: AbortSignal, stop: () => void) => {
      queueMicrotask(stop);
      return { stop: () => stopped().then(() => expect(stopping.aborted).toBe(true)) };
    };
    await runMain(main, host, () => nowMs);
    expect(host.codes).toEqual([0]);
  });

  it('takes signals that come together for one, and exits at once on a later one', async () => {
    const host = new FakeHost();
    let nowMs = 1000;
    let unhang = (): void => undefined;
    const main = runMain(
      async () => {
        queueMicrotask(() => host.emit('SIGINT'));
        return {
          stop: () => {
            host.emit('SIGINT');
            expect(host.codes).toEqual([]);
            nowMs += 1000;
            host.emit('SIGINT');
            return new Promise<void>((resolve) => {
              unhang = resolve;
            });
          },
        };
      },
      host,
      () => nowMs,
    );
    await expect.poll(() => host.codes).toEqual([130]);
    unhang();
    await main;
  });

  it('stops and ends with the error of what cannot go on', async () => {
    const host = new FakeHost();
    const stops: string[] = [];
    const failed = Promise.reject(new BpfleetError('STORE_UNAVAILABLE', 'postgres ended'));
    await runMain(async () => ({ failed, stop: async () => stops.push('stopped') }), host);
    expect({ stops, codes: host.codes }).toEqual({ stops: ['stopped'], codes: [1] });
    expect(host.written).toMatch('postgres ended');
  });

  it.each([
    [2, new BpfleetError('CONFIG_INVALID', 'no port')],
    [1, new BpfleetError('STORE_UNAVAILABLE', 'no database')],
    [1, new Error('defect')],
  ])('exits with %i on %s and prints it', async (code, error) => {
    const host = new FakeHost();
    await runMain(() => Promise.reject(error), host);
    expect(host.codes).toEqual([code]);
    expect(host.written).toContain(`${error.message}${error instanceof BpfleetError ? ` (${error.code})` : ''}\n`);
  });
});

describe('errorText', () => {
  it('marks the place in the text that was refused', () => {
    const error = new BpfleetError('FILTER_SYNTAX', 'expected a port', {
      span: { start: 9, end: 12 },
      hint: 'a number or a name',
    });
    expect(errorText(error, 'tcp port and')).toBe(
      'error: expected a port (FILTER_SYNTAX)\n  tcp port and\n           ^^^\nhint: a number or a name\n',
    );
  });
  it('shows only the line that holds the fault, and marks an end of text', () => {
    const source = 'tcp\nport';
    const error = new BpfleetError('FILTER_SYNTAX', 'ends early', { span: { start: 8, end: 8 } });
    expect(errorText(error, source)).toBe('error: ends early (FILTER_SYNTAX)\n  port\n      ^\n');
  });
});
