import { afterAll, beforeAll, expect, it } from 'vitest';
import { numberedExpression } from '../../e2e/numbered-traffic.js';
import { hostsHere } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { FakeClock, fakeTime } from '../rig/fake-clock.js';
import { missingAndTwice, OneHost } from './one-host.js';

const PACKETS_PER_SECOND = 1_000;
const MONTHS_S = 60 * 86_400;

suiteRequires(
  'a filter-manager whose clock was months ahead',
  { hosts: await hostsHere(), postgres: await postgres(), faketime: fakeTime() },
  ({ postgres: server, faketime }) => {
    const rig = new OneHost();
    const clock = new FakeClock(faketime.path, '+0');
    let pushes = 0;
    beforeAll(async () => {
      await rig.start(server.connection);
      await rig.fleet.replaceFilterManager(clock.env);
      rig.sender.start(PACKETS_PER_SECOND);
    });
    afterAll(async () => {
      await rig.stop();
      clock.remove();
    });

    /** Until its next version runs. */
    const push = () => rig.push('numbered', `${numberedExpression} and len >= ${++pushes}`);

    it('stops no capture when it steps and when it is put right, and no agent that starts after that', {
      timeout: 120_000,
    }, async () => {
      await push();
      for (const off of [`+${MONTHS_S}`, '+0']) {
        clock.set(off);
        await push();
      }
      const { epoch } = (await rig.status())!;
      process.kill(rig.agentPid, 'SIGKILL');
      await rig.untilRuns(epoch);
      const sent = await rig.sender.stop();
      const found = missingAndTwice(sent, await rig.stored(sent));
      console.info(`${sent} packets sent meanwhile, ${found.missing} missing, ${found.twice} twice`);
      expect(found).toEqual({ missing: 0, twice: 0 });
      await rig.restartAgent();
    });
  },
);
