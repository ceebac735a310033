import { afterAll, beforeAll } from 'vitest';
import { hostsHere } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { NUMBERS_APART, OneHost } from './one-host.js';
import { serviceClock } from './service-clock.js';
import { strangeKeys } from './strange-keys.js';

suiteRequires(
  'a filter-manager that is wrong about the time, or is another one',
  { hosts: await hostsHere(), postgres: await postgres() },
  ({ postgres: server }) => {
    const rig = new OneHost();
    beforeAll(() => rig.start(server.connection));
    afterAll(() => rig.stop());

    let runs = 0;
    const nextNumbers = (): number => runs++ * NUMBERS_APART;
    serviceClock(rig, nextNumbers);
    strangeKeys(rig, nextNumbers, server.connection);
  },
);
