import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesireOrder } from '../border/opener-port.js';
import { SigningService } from '../testing/signing-service.js';
import { claimedState, KeptOrders } from './kept-orders.js';

describe('kept orders', () => {
  let folder: string;
  let kept: KeptOrders;
  let changes: number;
  const service = new SigningService('agent-1');
  const web = { filter: 'web', version: 1, expression: 'tcp port 80' };
  const dns = { filter: 'dns', version: 1, expression: 'udp port 53' };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-kept-'));
    changes = 0;
    kept = opened();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** As the next process finds them. */
  const opened = () => new KeptOrders(folder, pino({ level: 'silent' }), () => changes++);
  const generation = async (orders: KeptOrders) => (await orders.state())?.state.generation;
  const digestOf = (order: DesireOrder) => claimedState(order.state).state.entries[0]!.digest;
  async function keep(order: DesireOrder): Promise<void> {
    await kept.addBundle(digestOf(order), Buffer.from(order.bundles[0]!, 'base64'));
    await kept.keep(claimedState(order.state));
  }
  const draft = (name: string) => join(folder, `${name}.new`);

  it('of a state come back with its bundles, and those before it go', async () => {
    const [first, second] = [service.desire([web]), service.desire([dns])];
    await keep(first);
    await keep(second);
    const next = opened();
    expect(await next.state()).toEqual(claimedState(second.state));
    expect(await next.bundle(digestOf(second))).toEqual(Buffer.from(second.bundles[0]!, 'base64'));
    expect(readdirSync(join(folder, 'bundles'))).toHaveLength(1);
    expect([kept.troubles, changes]).toEqual([[], 0]);
  });

  describe('that the disk does not take', () => {
    let first: DesireOrder;
    let second: DesireOrder;
    beforeEach(async () => {
      first = service.desire([web]);
      second = service.desire([dns]);
      await keep(first);
      mkdirSync(draft('desired.json'));
      await keep(second);
    });

    it('are there for this process, and it is said once', async () => {
      expect(await kept.state()).toEqual(claimedState(second.state));
      expect(kept.troubles).toEqual([
        expect.stringMatching(/^1 files .* in memory only.*EISDIR.*; move away what stands/),
      ]);
      await kept.keepRefused();
      expect(changes).toBe(1);
    });

    it('leave the next process all of the state before', async () => {
      const next = opened();
      expect(await next.state()).toEqual(claimedState(first.state));
      expect(await next.bundle(digestOf(first))).toBeDefined();
    });

    it('are kept once it takes them, and those before them go', async () => {
      rmdirSync(draft('desired.json'));
      await kept.keepRefused();
      expect([kept.troubles, changes]).toEqual([[], 2]);
      expect(await generation(opened())).toBe(await generation(kept));
      expect(readdirSync(join(folder, 'bundles'))).toHaveLength(1);
    });
  });
});
