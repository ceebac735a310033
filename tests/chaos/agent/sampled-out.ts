import { controlApi, queryApi } from '@bpfleet/contract';
import { describe, expect, it } from 'vitest';
import { numberedExpression } from '../../e2e/numbered-traffic.js';
import { untilSettled } from '../../e2e/stored-once.js';
import type { OneHost } from './one-host.js';

const FILTER = 'rare';
/** More than are sent: none is stored, so no section follows. */
const SAMPLING = 100_000;
const PACKETS_PER_SECOND = 500;
const ENOUGH = 100;

/** @param rig a fleet whose other filters nobody needs any more */
export function sampledOut(rig: OneHost): void {
  describe('an agent whose filter samples out all that comes', () => {
    async function account() {
      const { agents } = await rig.fleet.query.call(queryApi.getLedger, { query: {} });
      const { captured = 0, packetsMissing = 0, lostWithProcess = 0, droppedByKernel = 0 } = agents[0] ?? {};
      return { captured, not: { packetsMissing, lostWithProcess, droppedByKernel } };
    }

    /** @returns how many came, all of them read by the process that runs */
    async function somePackets(): Promise<number> {
      const sender = rig.senderTo(rig.hosts.host(1));
      sender.start(PACKETS_PER_SECOND);
      await rig.untilStatus('packets', ({ ledger }) => ledger!.agent.captured >= ENOUGH);
      const sent = await sender.stop();
      await rig.untilStatus('all of them', ({ ledger }) => ledger!.agent.captured === sent);
      return sent;
    }

    const untilRuns = (after: number) =>
      rig.untilStatus('the filter to run', ({ epoch, filters }) => {
        const others = filters.filter(({ filter }) => filter !== FILTER);
        return epoch > after && others.length === 0 && filters.some(({ state }) => state === 'attested');
      });

    it('tells what it had counted, and nothing is missing, when it is stopped and when it is killed', async () => {
      const { control, agents } = rig.fleet;
      const host = rig.hosts.host(1);
      const body = { name: FILTER, expression: numberedExpression, sampling: SAMPLING, snaplenBytes: 96 };
      await control.call(controlApi.createFilter, { body });
      await control.call(controlApi.createAssignment, { body: { filter: FILTER } });
      const { items } = await control.call(controlApi.listFilters, { query: {} });
      for (const { name } of items)
        if (name !== FILTER) await control.call(controlApi.deleteFilter, { path: { name } });
      await untilRuns(0);
      await agents.get(host.name)!.end();
      rig.fleet.startAgent(host);
      let { epoch } = await untilRuns((await rig.status())!.epoch);
      await untilSettled(rig.fleet.query, 'f');
      const before = await account();

      let sent = await somePackets();
      await agents.get(host.name)!.end();
      const { ledger } = (await rig.status())!;
      expect(ledger!.filters.find(({ version }) => version === `${FILTER}@1`)).toMatchObject({ sampledOut: sent });
      rig.fleet.startAgent(host);
      ({ epoch } = await untilRuns(epoch));
      sent += await somePackets();
      process.kill(rig.agentPid, 'SIGKILL');
      await untilRuns(epoch);
      await rig.fleet.until('the figures of both', async () => (await account()).captured >= before.captured + sent);
      expect(await account()).toEqual({ captured: before.captured + sent, not: before.not });
    });
  });
}
