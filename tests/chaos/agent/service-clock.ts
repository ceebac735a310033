import { afterAll, beforeAll, expect, it } from 'vitest';
import { numberedExpression } from '../../e2e/numbered-traffic.js';
import { suiteRequires } from '../../environment/src/requirements.js';
import { FakeClock, fakeTime } from '../rig/fake-clock.js';
import { printRow } from '../rig/row.js';
import { missingAndTwice, type OneHost } from './one-host.js';

const PACKETS_PER_SECOND = 1_000;
const MONTHS_S = 60 * 86_400;

/** @param nextNumbers where the numbers of one more test begin */
export function serviceClock(rig: OneHost, nextNumbers: () => number): void {
  suiteRequires('a filter-manager whose clock was months ahead', { faketime: fakeTime() }, ({ faketime }) => {
    const clock = new FakeClock(faketime.path, '+0');
    let pushes = 0;
    beforeAll(() => rig.fleet.replaceFilterManager(clock.env));
    afterAll(async () => {
      await rig.fleet.replaceFilterManager({});
      clock.remove();
    });

    /** Until its next version runs. */
    const push = () => rig.push('numbered', `${numberedExpression} and len >= ${++pushes}`);

    it('stops no capture when it steps and when it is put right, and no agent that starts after that', {
      timeout: 120_000,
    }, async () => {
      const from = nextNumbers();
      const sender = rig.senderTo(rig.hosts.host(1));
      sender.start(PACKETS_PER_SECOND, from);
      await push();
      for (const off of [`+${MONTHS_S}`, '+0']) {
        clock.set(off);
        await push();
      }
      const { epoch } = (await rig.status())!;
      process.kill(rig.agentPid, 'SIGKILL');
      await rig.untilRuns(epoch);
      const sent = await sender.stop();
      const found = missingAndTwice(sent, await rig.stored(sent, from), from);
      printRow(`${sent} packets sent meanwhile, ${found.missing} missing, ${found.twice} twice`);
      expect(found).toEqual({ missing: 0, twice: 0 });
      await rig.restartAgent();
    });
  });
}
