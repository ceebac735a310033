import { describe } from 'vitest';
import { commands } from '../../e2e/requirements.js';
import { kafka, postgres, suiteRequires } from '../../environment/src/requirements.js';
import { seeded } from '../rig/seed.js';
import { analyticsFailover } from './failover.js';
import { analyticsKilled } from './killed.js';
import { rebalanceStorm } from './rebalance-storm.js';
import { analyticsStopped } from './stopped.js';
import { IS_LONG } from './stored-once.js';

const needs = { kafka: await kafka(), postgres: await postgres(), tools: commands('setpriv') };

suiteRequires(seeded('analytics'), needs, ({ kafka: { brokers }, postgres: { connection } }) => {
  const servers = { brokers, postgres: connection };
  // They wait for sessions to end. In the long form, where times are measured, one after the other.
  describe('as processes that come and go', { concurrent: !IS_LONG }, () => {
    // F1, F9 and F13 of the failure suite.
    analyticsKilled(servers);
    analyticsFailover(servers);
    analyticsStopped(servers);
    rebalanceStorm(servers);
  });
});
