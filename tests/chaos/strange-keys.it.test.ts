import { controlApi } from '@bpfleet/contract';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { numberedExpression } from '../e2e/numbered-traffic.js';
import { postgresUrl } from '../e2e/postgres-url.js';
import { hostsHere } from '../e2e/requirements.js';
import { postgres, suiteRequires } from '../environment/src/requirements.js';
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
      const found = missingAndTwice(sent, await rig.stored(sent));
      console.info(`${sent} packets sent meanwhile, ${found.missing} missing, ${found.twice} twice`);
      expect(found).toEqual({ missing: 0, twice: 0 });
    });
  },
);
