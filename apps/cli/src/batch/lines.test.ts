import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { BpfleetError } from '@bpfleet/errors';
import { describe, expect, it } from 'vitest';
import type { OutputStream, Terminal } from '../terminal.js';
import { answerLines } from './lines.js';

function terminalOf(input: PassThrough, out: PassThrough, signal = new AbortController().signal): Terminal {
  return { input, out: out as OutputStream, err: new PassThrough() as OutputStream, env: {}, now: () => 0, signal };
}

/** What stands in the output stream now, once something does. */
async function printed(out: PassThrough): Promise<string> {
  if (out.readableLength === 0) await once(out, 'readable');
  return String(out.read());
}

const echo = async (request: unknown) => ({ heard: (request as { say: string }).say });

const EMPTY = { id: null, error: { code: 'REQUEST_INVALID', message: expect.stringMatching(/^this line is empty/) } };

describe('answerLines', () => {
  it('answers a line as soon as it is read, before the next one comes', async () => {
    const [input, out] = [new PassThrough(), new PassThrough()];
    const done = answerLines(terminalOf(input, out), echo);
    for (const say of ['a', 'b', 'c']) {
      input.write(`{"id":"${say}","say":"${say}"}\n`);
      expect(await printed(out)).toBe(`{"id":"${say}","heard":"${say}"}\n`);
    }
    input.end();
    await done;
  });

  it('keeps the order, whatever an answer takes', async () => {
    const [input, out] = [new PassThrough(), new PassThrough()];
    input.end('{"id":1,"turns":20}\n{"id":2,"turns":0}\n{"id":3,"turns":5}');
    await answerLines(terminalOf(input, out), async (request) => {
      for (let turn = (request as { turns: number }).turns; turn > 0; turn--) await Promise.resolve();
      return {};
    });
    expect(await printed(out)).toBe('{"id":1}\n{"id":2}\n{"id":3}\n');
  });

  it.each([
    ['anything as an id', '{"id":{"a":[1,null]}}', { id: { a: [1, null] }, ok: true }],
    ['a line without an id', '{}', { id: null, ok: true }],
    ['a line that is not JSON', '{"id":1', { id: null, error: { code: 'REQUEST_INVALID' } }],
    ['an empty line', '\n', EMPTY],
    ['a line of spaces', '  \r\n', EMPTY],
    ['a line that is no object', '[1]', { id: null, ok: true }],
    ['a line of Windows', '{"id":1}\r', { id: 1, ok: true }],
    ['text beyond ASCII', '{"id":"Zürich 🐢"}', { id: 'Zürich 🐢', ok: true }],
  ])('takes %s', async (_, line, answer) => {
    const [input, out] = [new PassThrough(), new PassThrough()];
    input.end(line);
    await answerLines(terminalOf(input, out), async () => ({ ok: true }));
    expect(JSON.parse(await printed(out))).toMatchObject(answer);
  });

  it.each([
    [
      'a refusal with its place',
      new BpfleetError('FILTER_SYNTAX', 'no', { span: { start: 3, end: 5 } }),
      {
        ...{ code: 'FILTER_SYNTAX', message: 'no', start: 3, end: 5 },
      },
    ],
    [
      'a refusal with what to try',
      new BpfleetError('FILTER_SYNTAX', 'no', { span: { start: 3, end: 5 }, hint: '“port”, if that is meant' }),
      { code: 'FILTER_SYNTAX', message: 'no; try: “port”, if that is meant', start: 3, end: 5 },
    ],
    [
      'a refusal without a place',
      new BpfleetError('REQUEST_INVALID', 'no'),
      { code: 'REQUEST_INVALID', message: 'no' },
    ],
    ['a fault of ours', new RangeError('oops'), { code: 'INTERNAL', message: 'oops' }],
  ])('answers %s, and goes on', async (_, thrown, error) => {
    const [input, out] = [new PassThrough(), new PassThrough()];
    input.end('{"id":1,"fail":true}\n{"id":2}\n');
    await answerLines(terminalOf(input, out), async (request) => {
      if ((request as { fail?: boolean }).fail) throw thrown;
      return {};
    });
    const [first, second] = (await printed(out)).split('\n').map((line) => line && JSON.parse(line));
    expect([first, second]).toEqual([{ id: 1, error }, { id: 2 }]);
  });

  it('ends where it is interrupted', async () => {
    const interrupt = new AbortController();
    const [input, out] = [new PassThrough(), new PassThrough()];
    const done = answerLines(terminalOf(input, out, interrupt.signal), async () => ({}));
    interrupt.abort();
    input.end('{"id":1}\n');
    await expect(done).rejects.toThrow();
    expect(out.readableLength).toBe(0);
  });
});
