import { ApiClient, enrolmentKind, sealDocument } from '@bpfleet/contract';
import type { BpfleetError } from '@bpfleet/errors';
import { createLogger, PrivateKey } from '@bpfleet/service';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { enrol } from './enrol.js';

const identity = PrivateKey.generate();
const document = { agent: 'host-1', identityPublicKey: identity.publicKey, labels: {} };
const enrolment = sealDocument(enrolmentKind, document, [identity]);
const enrolled = { agent: 'host-1', keys: [PrivateKey.generate().publicKey], serverTime: '2026-11-22T10:00:00.000Z' };
const logger = pino({ level: 'silent' });

/** Answers one after the other, the last one for ever; `undefined` is no answer. */
function answering(...answers: (object | undefined)[]) {
  const asked: unknown[] = [];
  const send: typeof fetch = async (_input, init) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)];
    asked.push(JSON.parse(String(init!.body)));
    if (answer === undefined) throw new TypeError('fetch failed');
    const status = 'code' in answer ? 403 : 200;
    return new Response(JSON.stringify({ type: 'about:blank', title: 'no', status, ...answer }), { status });
  };
  return { asked, client: new ApiClient({ server: 'http://filter-manager', fetch: send }) };
}
const { signal } = new AbortController();
const none = (): void => expect.unreachable('it is not refused');

describe('enrolling', () => {
  it('says who it is and tells whom to trust', async () => {
    const { asked, client } = answering(enrolled);
    expect(await enrol({ client, token: 'secret', enrolment, logger, signal, onRefused: none })).toEqual(enrolled);
    expect(asked).toEqual([{ token: 'secret', enrolment }]);
  });
  it('tries until it is heard', async () => {
    const { asked, client } = answering(undefined, { code: 'STORE_UNAVAILABLE' }, enrolled);
    expect(await enrol({ client, token: '', enrolment, logger, signal, onRefused: none })).toEqual(enrolled);
    expect(asked).toHaveLength(3);
  });
  it.each(['ENROLMENT_REFUSED', 'IDENTITY_CONFLICT', 'SIGNATURE_INVALID', 'REQUEST_INVALID'])(
    'says that it is refused, and asks again much later: somebody may have put it right: %s',
    async (code) => {
      const { asked, client } = answering({ code }, enrolled);
      const refusals: string[] = [];
      const onRefused = (error: BpfleetError): void => void refusals.push(error.code);
      const options = { client, token: '', enrolment, logger, signal, onRefused, refusedRetryMs: 5 };
      expect(await enrol(options)).toEqual(enrolled);
      expect([refusals, asked.length]).toEqual([[code], 2]);
    },
  );
  it('says in the log who did not answer and what to do, without a stack: it is no defect', async () => {
    const lines: string[] = [];
    const log = createLogger({ name: 'agent', destination: { write: (line) => void lines.push(line) } });
    const stopping = new AbortController();
    // As fetch does where a listener takes the connection and never answers.
    const send: typeof fetch = (_input, init) =>
      new Promise((_, reject) => init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason)));
    const client = new ApiClient({ server: 'http://filter-manager', fetch: send });
    const options = { client, token: '', enrolment, onRefused: none, callTimeoutMs: 1 };
    const enrolling = enrol({ ...options, logger: log, signal: stopping.signal });
    await expect.poll(() => lines.length).toBeGreaterThan(0);
    stopping.abort();
    await enrolling;
    expect(JSON.parse(lines[0]!).err).toEqual({
      code: 'SERVER_UNREACHABLE',
      message: 'the filter-manager has not answered within 0.001 s',
      hint: expect.stringContaining('BPFLEET_SERVER'),
    });
  });
  it('ends when the agent does', async () => {
    const stopping = new AbortController();
    const { asked, client } = answering(undefined);
    const enrolling = enrol({ client, token: '', enrolment, logger, signal: stopping.signal, onRefused: none });
    await expect.poll(() => asked.length).toBeGreaterThan(0);
    stopping.abort();
    expect(await enrolling).toBeUndefined();
  });
});
