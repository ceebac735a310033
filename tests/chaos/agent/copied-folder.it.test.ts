import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type IdentityConflict, queryApi } from '@bpfleet/contract';
import type { Host } from '@bpfleet/test-environment';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostsHere } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { OneHost } from './one-host.js';

const run = promisify(execFile);
const LONG = Number(process.env.BPFLEET_TEST_ROUNDS ?? 0) >= 20;
const PACKETS_PER_SECOND = LONG ? 5_000 : 1_000;
const LEAST_PACKETS = LONG ? 100_000 : 2_000;
/** Numbers of each host and phase begin at a multiple of it. */
const RANGE = 10_000_000;

class TwoHosts extends OneHost {
  protected override readonly hostCount = 2;
}

/** Traffic that was sent to one host: `count` numbers from `from` on. */
interface Sent {
  readonly from: number;
  readonly count: number;
  /** Per second. */
  readonly rate: number;
}

suiteRequires(
  'two agents started from one copied data folder',
  { hosts: await hostsHere(), postgres: await postgres() },
  ({ postgres: server }) => {
    const rig = new TwoHosts();
    beforeAll(() => rig.start(server.connection));
    afterAll(() => rig.stop());

    async function startBoth(): Promise<void> {
      const { fleet, hosts } = rig;
      await Promise.all([...fleet.agents.values()].map((agent) => agent.end()));
      const [original, copy] = hosts.list.map((host) => fleet.stateDir(host)) as [string, string];
      await makeEpochsEqual(original);
      await rm(copy, { recursive: true });
      await run('cp', ['-a', original, copy]);
      await Promise.all(hosts.list.map((host) => startAsFirst(host)));
    }

    async function startAsFirst(host: Host): Promise<void> {
      const agent = rig.fleet.startAgent(host, { BPFLEET_AGENT_ID: rig.hosts.host(1).name });
      await agent.until('its filter to run', () => agent.output.includes('"state":"attested"'));
    }

    /** To both at once, until enough was sent and all of it is stored or in quarantine. */
    async function traffic(phase: number): Promise<Sent[]> {
      const senders = rig.hosts.list.map((host, index) => {
        const from = (2 * phase + index) * RANGE;
        const sender = rig.senderTo(host);
        sender.start(PACKETS_PER_SECOND, from);
        return { from, sender };
      });
      await rig.fleet.until(
        'packets of both to arrive',
        async () => {
          const found = [...(await stored()), ...(await inQuarantine())];
          return senders.every(({ from }) => found.filter((one) => isIn(from, one)).length >= LEAST_PACKETS);
        },
        120_000,
      );
      return Promise.all(
        senders.map(async ({ from, sender }) => ({ from, count: await sender.stop(), rate: sender.rate })),
      );
    }

    const stored = async (): Promise<number[]> => [...(await rig.storedAtMs()).keys()];

    async function inQuarantine(): Promise<number[]> {
      const found = await rig.inQuarantine();
      expect(found.filter(({ reason }) => reason !== 'identity-conflict')).toEqual([]);
      return found.flatMap(({ numbers }) => numbers);
    }

    async function conflicts(): Promise<IdentityConflict[]> {
      const { items } = await rig.fleet.query.call(queryApi.listIdentityConflicts, { query: {} });
      return items;
    }

    /** Every number is stored or in quarantine, once. */
    async function expectNothingDropped(sent: readonly Sent[]): Promise<void> {
      const total = sent.reduce((sum, { count }) => sum + count, 0);
      let found: number[] = [];
      await rig.fleet.until('all packets to be stored or in quarantine', async () => {
        found = [...(await stored()), ...(await inQuarantine())];
        return new Set(found).size >= total;
      });
      expect(found).toHaveLength(total);
      for (const { from, count } of sent) expect(found.filter((one) => isIn(from, one))).toHaveLength(count);
    }

    it('drops nothing, and shows the conflict of equal epochs and of overlapping ones', {
      timeout: 240_000,
    }, async () => {
      await startBoth();
      const sent = await traffic(0);
      await expectNothingDropped(sent);
      const refused = new Set(await inQuarantine());
      expect(await conflicts()).toMatchObject([{ agent: 'h1', kind: 'other-key' }]);
      // All sections of one of the two, none of the other.
      const late = sent.findIndex(({ from }) => refused.has(from));
      expect(refused.size).toBe(sent[late]!.count);

      // It starts again: its epoch is a later one now, and the other one goes on in the earlier.
      const host = rig.hosts.list[late]!;
      await rig.fleet.agents.get(host.name)!.end();
      await startAsFirst(host);
      sent.push(...(await traffic(1)));
      await expectNothingDropped(sent);
      expect((await inQuarantine()).length).toBe(refused.size);
      const kinds = new Set((await conflicts()).map(({ kind }) => kind));
      expect(kinds).toEqual(new Set(['other-key', 'overlap']));
      const shown = (await conflicts()).map(({ kind, sections }) => `${kind} ${sections} sections`);
      const total = sent.reduce((sum, { count }) => sum + count, 0);
      printRow(
        `${total} packets sent to two agents with one identity, at ${sent.map(({ rate }) => rate).join(', ')}/s each, ` +
          `${refused.size} in quarantine; ${shown}`,
      );
      for (const { rate } of sent) expectRate(rate, PACKETS_PER_SECOND);
    });
  },
);

const isIn = (from: number, number: number): boolean => number >= from && number < from + RANGE;

/**
 * As if the host's clock had been ahead once: epochs go on from there, one by one, and two that start from it take the
 * same.
 */
async function makeEpochsEqual(stateDir: string): Promise<void> {
  const file = join(stateDir, 'opener', 'identity.json');
  // Without a checksum it is one of a release before.
  const { crc32: _, ...kept } = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...kept, epoch: kept.epoch + 1_000_000 }));
}
