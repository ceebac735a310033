import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesireOrder } from '../border/opener-port.js';
import { testOpenerOptions } from '../testing/opener-options.js';
import { SigningService } from '../testing/signing-service.js';
import { Opener } from './opener.js';

const DAY_MS = 86_400_000;
const RUN_DAYS = 30;

describe("the service's time", () => {
  let folder: string;
  let opener: Opener;
  let service: SigningService;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-time-'));
    service = new SigningService('agent-1');
    await start();
    await opener.pin([service.key.publicKey]);
  });
  afterEach(async () => {
    await opener.stop();
    rmSync(folder, { recursive: true });
  });

  async function start(): Promise<void> {
    opener = new Opener({
      ...testOpenerOptions(folder, { onFatal: (error) => expect.unreachable(String(error)) }),
      opensSockets: false,
      interfaces: () => [{ name: 'eth0', index: 1, linkType: 'EN10MB', up: true }],
    });
    await opener.start(() => {});
  }
  /** What a filter-manager signs whose clock is off by so many days. */
  function signed(offDays: number, nonce?: string): DesireOrder {
    const atMs = Date.now() + offDays * DAY_MS;
    const notAfter = new Date(atMs + RUN_DAYS * DAY_MS).toISOString();
    const web = { filter: 'web', version: 1, expression: 'tcp port 80', notAfter };
    const issuedAt = new Date(atMs).toISOString();
    return service.desire([web], { issuedAt, ...(nonce === undefined ? {} : { nonce }) });
  }
  const stateAfter = async (order: DesireOrder) => (await opener.desire(order)).outcomes[0]!.state;
  const keptDays = () =>
    Math.round((JSON.parse(readFileSync(join(folder, 'identity.json'), 'utf8')).serviceTimeMs - Date.now()) / DAY_MS) ||
    0;

  it('goes by any state that says it is later', async () => {
    expect(await stateAfter(signed(60))).toBe('reported');
    expect(keptDays()).toBe(60);
  });

  it('is put right by the answer to a question, after the filter-manager’s clock was', async () => {
    await opener.desire(signed(60, (await opener.challenge()).nonce));
    expect(await stateAfter(signed(0, (await opener.challenge()).nonce))).toBe('reported');
    expect(keptDays()).toBe(0);
  });

  it('is put right also by an opener that starts after that, which asks for it by itself', async () => {
    await opener.desire(signed(60));
    const right = signed(0);
    expect(await stateAfter(right)).toBe('refused');
    await opener.stop();
    await start();
    expect(await stateAfter(right)).toBe('refused');
    const { nonce, wantsState } = await opener.challenge();
    expect(wantsState).toBe(true);
    expect(await stateAfter(signed(0, nonce))).toBe('reported');
  });

  describe('is not set back', () => {
    let first: DesireOrder;
    let nonce: string;
    beforeEach(async () => {
      ({ nonce } = await opener.challenge());
      first = signed(0, nonce);
      await opener.desire(first);
      await opener.desire(signed(60));
    });
    afterEach(() => expect(keptDays()).toBe(60));

    it('by a newer state that somebody may have held back', async () => {
      expect(await stateAfter(signed(0))).toBe('refused');
    });
    it('by one that answers a question of before, answered or not', async () => {
      const { nonce: before } = await opener.challenge();
      await opener.challenge();
      for (const one of [nonce, before]) expect(await stateAfter(signed(0, one))).toBe('refused');
    });
    it('by an older state again', async () => {
      await expect(opener.desire(first)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
    });
    it('by an older state that answers: its generation is looked at first', async () => {
      const old = service.desire([], { generation: 0, nonce: (await opener.challenge()).nonce });
      await expect(opener.desire(old)).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
    });
    it('by one of a stranger who heard the question', async () => {
      const stranger = new SigningService('agent-1');
      const forged = stranger.desire([], { generation: 9, nonce: (await opener.challenge()).nonce });
      await expect(opener.desire(forged)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
    });
  });

  it('of the same state twice, answered once, moves forwards only', async () => {
    const answer = signed(0, (await opener.challenge()).nonce);
    await opener.desire(answer);
    await opener.desire(service.desire([], { generation: 1, issuedAt: new Date(Date.now() + DAY_MS).toISOString() }));
    await opener.desire(answer);
    expect(keptDays()).toBe(1);
  });
});
