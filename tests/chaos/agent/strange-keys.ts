import { controlApi } from '@bpfleet/contract';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fleetDatabase } from '../../e2e/fleet-database.js';
import { numberedExpression } from '../../e2e/numbered-traffic.js';
import { postgresUrl } from '../../e2e/postgres-url.js';
import { printRow } from '../rig/row.js';
import { isWell } from './is-well.js';
import { missingAndTwice, type OneHost } from './one-host.js';

const PACKETS_PER_SECOND = 1_000;

/**
 * @param rig its agent has captured nothing since it started
 * @param nextNumbers where the numbers of one more test begin
 */
export function strangeKeys(
  rig: OneHost,
  nextNumbers: () => number,
  server: Parameters<typeof createDatabase>[0],
): void {
  describe('a filter-manager that signs with strange keys', () => {
    let strange: TestDatabase;
    beforeAll(async () => {
      strange = await createDatabase(server, fleetDatabase);
    });
    afterAll(() => strange.drop());

    /** @returns how many are in quarantine, once the others are stored */
    async function untilAllFound(sent: number, from: number): Promise<number> {
      let refused = 0;
      await rig.fleet.until('all packets to be stored or in quarantine', async () => {
        const quarantined = await rig.inQuarantine();
        expect(quarantined.filter(({ reason }) => reason !== 'unknown-key')).toEqual([]);
        refused = quarantined.reduce((sum, { numbers }) => sum + numbers.length, 0);
        const numbers = [...(await rig.storedAtMs()).keys()];
        return numbers.filter((number) => number >= from).length + refused >= sent;
      });
      return refused;
    }

    it('is not followed, and told so; what ran keeps running, and the right one is followed again', {
      timeout: 120_000,
    }, async () => {
      const { agentPid } = rig;
      const { version } = (await rig.fleet.control.call(controlApi.getFilter, { path: { name: 'numbered' } })).latest;
      const from = nextNumbers();
      const sender = rig.senderTo(rig.hosts.host(1));
      sender.start(PACKETS_PER_SECOND, from);
      // With a database of its own it has a key of its own.
      await rig.fleet.replaceFilterManager({ BPFLEET_POSTGRES_URL: postgresUrl(strange.connection) });
      const body = { name: 'strange', expression: 'tcp', snaplenBytes: 96 };
      await rig.fleet.control.call(controlApi.createFilter, { body });
      await rig.fleet.control.call(controlApi.createAssignment, { body: { filter: 'strange' } });
      await rig.fleet.until('the agent to say so', async () => {
        const errors = (await rig.status())?.errors ?? [];
        return errors.some(({ code, message }) => code === 'SIGNATURE_INVALID' && /identity\.json/.test(message));
      });
      const { filters, ledger } = (await rig.status())!;
      expect(new Set(filters.map(({ filter }) => filter))).toEqual(new Set(['numbered']));
      const captured = async () => (await rig.status())!.ledger!.agent.captured;
      await rig.fleet.until('packets', async () => (await captured()) > ledger!.agent.captured);

      await rig.fleet.replaceFilterManager({});
      expect(await rig.push('numbered', `${numberedExpression} and len > 0`)).toBe(`numbered@${version + 1}`);
      await rig.fleet.until('nothing to be wrong', async () => isWell((await rig.status())!.errors));
      expect(rig.agentPid).toBe(agentPid);
      const sent = await sender.stop();
      await rig.fleet.until('all packets to be acknowledged', async () => {
        const { agent } = (await rig.status())!.ledger!;
        return agent.captured === sent && agent.sentPackets === sent;
      });
      // A filter-manager that is new does not vouch for an agent until that has enrolled: analytics keeps its sections apart.
      const refused = await untilAllFound(sent, from);
      const found = missingAndTwice(sent, await rig.stored(sent - refused, from), from);
      printRow(`${sent} packets sent meanwhile, ${found.missing} not stored, ${refused} in quarantine`);
      expect(found).toEqual({ missing: refused, twice: 0 });
    });
  });
}
