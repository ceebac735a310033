import { afterAll, beforeAll } from 'vitest';
import { commands } from '../e2e/requirements.js';
import { kafka, postgres, suiteRequires } from '../environment/src/requirements.js';
import { analyticsKilled } from './analytics-killed.js';
import { AnalyticsRig } from './analytics-rig.js';

const needs = { kafka: await kafka(), postgres: await postgres(), tools: commands('setpriv') };

// F1, F9 and F13 of the failure suite.
suiteRequires('processes of analytics that come and go', needs, ({ kafka: { brokers }, postgres: { connection } }) => {
  let rig: AnalyticsRig;
  beforeAll(async () => {
    rig = await new AnalyticsRig({ brokers, postgres: connection }).start();
  });
  afterAll(() => rig?.stop());

  analyticsKilled(() => rig);
});
