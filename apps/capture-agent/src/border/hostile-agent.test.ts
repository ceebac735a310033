import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { MAX_BUNDLES_BYTES } from '@bpfleet/contract';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { printFigures } from '../../../../tests/conformance/figures.js';
import { seedOfRun } from '../../../../tests/conformance/random.js';
import { encodeFrame } from './framing.js';
import { calls, encodeMessage } from './messages.js';
import type { DesireOrder } from './opener-port.js';
import { ChannelRig, ENVELOPE, type FakeOpener, KEY } from './testing/channel-rig.js';

const rounds = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const seed = seedOfRun();
const until = (holds: () => boolean) => expect.poll(holds, { interval: 1, timeout: 10_000 }).toBe(true);

const FORGED: readonly (readonly [what: string, message: unknown])[] = [
  ['no object', 7],
  ['an unknown call', { id: 1, call: 'stop', request: {} }],
  ['a call by an inherited name', { id: 1, call: 'constructor', request: {} }],
  ['no number', { id: 'x', call: 'cut', request: { socket: 1, swap: 1 } }],
  ['more than a request has', { id: 1, call: 'cut', request: { socket: 1, swap: 1 }, as: 'root' }],
  ['a forged order', { id: 1, call: 'attach', request: { program: [[6, 0, 0, 1]] } }],
  ['a socket that is no number', { id: 1, call: 'cut', request: { socket: {}, swap: 1 } }],
  ['an argument too many', { id: 1, call: 'drained', request: { socket: 1, fd: 2 } }],
  ['a key that is none', { id: 1, call: 'pin', request: { keys: ['x'] } }],
  ['no state', { id: 1, call: 'desire', request: { state: 'x', excluded: [] } }],
  ['endpoints without end', { id: 1, call: 'desire', request: { state: ENVELOPE, excluded: Array(2000).fill({}) } }],
];
const BUNDLES = 'bundles without end';
const BYTES = 'bytes of any kind';
const NOISE = 'a stream of noise';

/** What came of one kind of try. */
interface Tried {
  readonly sent: number;
  readonly refused: number;
  /** Calls that the opener carried out. */
  readonly carriedOut: readonly string[];
}

describe(`a hostile agent process, seed ${seed}`, () => {
  const rig = new ChannelRig();
  afterEach(() => rig.close());
  const tried = new Map<string, Tried>();
  afterAll(() => printFigures(seed, coverageOf(tried)));

  /** Calls of the opener, but for what `survives` asks. */
  const carriedOut = ({ asked }: FakeOpener): string[] =>
    asked.map(([call]) => String(call)).filter((_, index) => index < asked.length - 1);

  /** Sends bytes, and then asks something proper. */
  async function survives({ there, opener }: { there: Duplex; opener: FakeOpener }): Promise<void> {
    there.write(encodeFrame(encodeMessage({ id: 99, call: 'drained', request: { socket: 4711 } })));
    await until(() => opener.asked.at(-1)?.[1] === 4711);
  }

  it.each(FORGED)('is refused %s, and counted', async (what, message) => {
    const parts = await rig.channel();
    parts.there.resume();
    parts.there.write(encodeFrame(encodeMessage(message)));
    await survives(parts);
    tried.set(what, { sent: 1, refused: parts.server.refused, carriedOut: carriedOut(parts.opener) });
    expect(tried.get(what)).toEqual({ sent: 1, refused: 1, carriedOut: [] });
  });

  it('is handed as many bundles as a state may have', async () => {
    const { port, opener } = await rig.connected();
    const each = 4 * 1024 * 1024;
    const bundles = Array.from({ length: MAX_BUNDLES_BYTES / each }, () => Buffer.alloc(each).toString('base64'));
    await port.desire({ state: ENVELOPE, bundles, excluded: [] });
    expect((opener.asked[0]![1] as DesireOrder).bundles).toHaveLength(bundles.length);
  });

  it('is refused bundles without end', async () => {
    const parts = await rig.channel();
    let answers = '';
    parts.there.on('data', (chunk) => {
      answers += chunk;
    });
    const bundle = encodeFrame(encodeMessage({ id: 1, call: 'bundle', request: { payload: 'A'.repeat(5 << 20) } }));
    const sent = 40;
    for (let i = 0; i < sent; i++) {
      if (!parts.there.write(bundle)) await once(parts.there, 'drain');
    }
    await survives(parts);
    const refused = () => answers.match(/more bundles than/g)?.length ?? 0;
    await until(() => refused() >= 4);
    tried.set(BUNDLES, { sent, refused: refused(), carriedOut: carriedOut(parts.opener) });
    expect(tried.get(BUNDLES)!.carriedOut).toEqual([]);
  });

  it(
    'does nothing with bytes of any kind',
    async () => {
      const inputs = 20_000 * rounds;
      const parts = await rig.channel();
      parts.there.resume();
      const valid = fc.constantFrom(
        { id: 1, call: 'hello', request: { sessionPublicKey: KEY } },
        { id: 2, call: 'desire', request: { state: ENVELOPE, excluded: [] } },
        { id: 3, call: 'attest', request: {} },
      );
      const damaged = fc.tuple(valid, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([message, at, byte]) => {
        const payload = encodeMessage(message);
        payload[at % payload.length] = byte;
        return payload;
      });
      const payload = fc.oneof(damaged, fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.json().map(encodeMessage));
      // Whole frames: what follows a wrong length is read as something else, which the next test tries.
      for (const bytes of fc.sample(payload, { seed, numRuns: inputs })) {
        if (bytes.length > 0 && !parts.there.write(encodeFrame(bytes))) {
          await once(parts.there, 'drain');
        }
      }
      await survives(parts);
      tried.set(BYTES, { sent: inputs, refused: parts.server.refused, carriedOut: carriedOut(parts.opener) });
      // What a damaged byte left valid is asked; nothing else gets through, and nothing is a fault of ours.
      for (const [call, argument] of parts.opener.asked) {
        expect(['hello', 'desire', 'attest', 'drained']).toContain(call);
        if (call === 'hello') expect(argument).toMatch(/^[A-Za-z0-9+/]{43}=$/);
      }
      expect(parts.faults).toEqual([]);
      expect(parts.server.refused).toBeGreaterThan(inputs / 2);
    },
    60_000 * rounds,
  );

  it('does nothing with a stream of noise', async () => {
    const parts = await rig.channel();
    parts.there.resume();
    const pieces = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 4096 }), { seed, numRuns: 2000 });
    for (const bytes of pieces) parts.there.write(bytes);
    parts.there.end();
    await parts.server.closed;
    const called = parts.opener.asked.map(([call]) => String(call));
    tried.set(NOISE, { sent: pieces.length, refused: parts.server.refused, carriedOut: called });
    expect(parts.opener.asked).toEqual([]);
    expect(parts.faults).toEqual([]);
  });
});

/** Each kind of try with its counts, also one that was not made; and each call with how often one got through. */
function coverageOf(tried: ReadonlyMap<string, Tried>): string {
  const none: Tried = { sent: 0, refused: 0, carriedOut: [] };
  const lines = [...FORGED.map(([what]) => what), BUNDLES, BYTES, NOISE].map((what) => {
    const { sent, refused, carriedOut } = tried.get(what) ?? none;
    return `  ${what}: ${sent} sent, ${refused} refused, ${carriedOut.length} carried out`;
  });
  const all = [...tried.values()];
  const through = all.flatMap(({ carriedOut }) => carriedOut);
  const byCall = Object.keys(calls).map((name) => `${name} ${through.filter((call) => call === name).length}`);
  const sent = all.reduce((sum, one) => sum + one.sent, 0);
  return [
    `a hostile agent process sent ${sent} times what is no order`,
    ...lines,
    `  carried out, valid all the same: ${byCall.join(', ')}`,
  ].join('\n');
}
