import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { percentile, untilAsked, untilTailed } from '../bench/src/store/latencies.js';
import { missingAndTwice, OneHost } from '../chaos/agent/one-host.js';
import { expectRate } from '../chaos/rig/rate.js';
import { printRow } from '../chaos/rig/row.js';
import { seeded } from '../chaos/rig/seed.js';
import { postgres, suiteRequires } from '../environment/src/requirements.js';
import { numberedLiveExpression, numberedLiveFrames } from './numbered-traffic.js';
import { hostsHere } from './requirements.js';

const PACKETS_PER_SECOND = 10_000;
const SECONDS = 3 * Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
/** Until what runs is compiled and joined. */
const WARM_UP_MS = 3_000;
/** By the last byte of the number: it is not the reader of the tail that is measured. */
const ONE_IN_128 = `${numberedLiveExpression} and ether[11] & 127 = 0`;

/** One host whose traffic is that of a company network. */
class LiveHost extends OneHost {
  protected override readonly expression = numberedLiveExpression;
  protected override readonly framesOf = numberedLiveFrames(1);
}

const needs = { hosts: await hostsHere(), postgres: await postgres() };

suiteRequires(seeded('from the wire to an answer'), needs, ({ postgres: server }) => {
  const rig = new LiveHost();
  beforeAll(() => rig.start(server.connection));
  afterAll(() => rig.stop());

  it(`takes all of ${PACKETS_PER_SECOND} packets a second, and says how long a query and a tail wait for them`, {
    timeout: (SECONDS + 180) * 1000,
  }, async () => {
    const ended = new AbortController();
    const beginMs = Date.now() + WARM_UP_MS;
    const asked = untilAsked(rig.fleet.query, beginMs, ended.signal);
    const tailed = untilTailed(rig.fleet.query, ONE_IN_128, beginMs, ended.signal);
    rig.sender.start(PACKETS_PER_SECOND);
    await delay(WARM_UP_MS + SECONDS * 1000);
    const sent = await rig.sender.stop();
    const found = missingAndTwice(sent, await rig.stored(sent));
    ended.abort();
    const [toQuery, toTail] = [await asked, await tailed];
    const ms = (values: readonly number[]) =>
      `${percentile(Float64Array.from(values).sort(), 0.95)} ms (${values.length})`;
    printRow(
      `${sent} packets of live traffic at ${rig.sender.rate}/s through kernel, agent, Kafka and Postgres, ${found.missing} missing, ` +
        `${found.twice} twice; captured → query, p95: ${ms(toQuery)}, captured → tail: ${ms(toTail)}`,
    );
    expectRate(rig.sender.rate, PACKETS_PER_SECOND);
    expect(found).toEqual({ missing: 0, twice: 0 });
    expect(toQuery.length).toBeGreaterThan(0);
    expect(toTail.length).toBeGreaterThan(0);
  });
});
