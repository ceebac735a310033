import { controlApi } from '@bpfleet/contract';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { numberedExpression } from '../../e2e/numbered-traffic.js';
import { postgresUrl } from '../../e2e/postgres-url.js';
import { hostsHere } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { missingAndTwice, OneHost } from './one-host.js';

const PACKETS_PER_SECOND = 1_000;

suiteRequires(
  'a filter-manager that signs with strange keys',
  { hosts: await hostsHere(), postgres: await postgres() },
  ({ postgres: server }) => {
    const rig = new OneHost();
    let strange: TestDatabase;
    beforeAll(async () => {
      strange = await createDatabase(server.connection);
      await rig.start(server.connection);
    });
    afterAll(async () => {
      await rig.stop();
      await strange.drop();
    });

    /** @returns how many are in quarantine, once the others are stored */
    async function untilAllFound(sent: number): Promise<number> {
      let refused = 0;
      await rig.fleet.until('all packets to be stored or in quarantine', async () => {
        const quarantined = await rig.inQuarantine();
        expect(quarantined.filter(({ reason }) => reason !== 'unknown-key')).toEqual([]);
        refused = quarantined.reduce((sum, { numbers }) => sum + numbers.length, 0);
        return (await rig.storedAtMs()).size + refused >= sent;
      });
      return refused;
    }

    it('is not followed, and told so; what ran keeps running, and the right one is followed again', {
      timeout: 120_000,
    }, async () => {
      const { agentPid } = rig;
      rig.sender.start(PACKETS_PER_SECOND);
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
      expect(await rig.push('numbered', `${numberedExpression} and len > 0`)).toBe('numbered@2');
      await rig.fleet.until('nothing to be wrong', async () => (await rig.status())!.errors.length === 0);
      expect(rig.agentPid).toBe(agentPid);
      const sent = await rig.sender.stop();
      await rig.fleet.until('all packets to be acknowledged', async () => {
        const { agent } = (await rig.status())!.ledger!;
        return agent.captured === sent && agent.sentPackets === sent;
      });
      // A filter-manager that is new does not vouch for an agent until that has enrolled: analytics keeps its sections apart.
      const refused = await untilAllFound(sent);
      const found = missingAndTwice(sent, await rig.stored(sent - refused));
      console.info(`${sent} packets sent meanwhile, ${found.missing} not stored, ${refused} in quarantine`);
      expect(found).toEqual({ missing: refused, twice: 0 });
    });
  },
);
