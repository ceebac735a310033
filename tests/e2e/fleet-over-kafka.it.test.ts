import { setTimeout as delay } from 'node:timers/promises';
import { controlApi } from '@bpfleet/contract';
import {
  createDatabase,
  createHosts,
  freePorts,
  type Hosts,
  startOwnKafka,
  type TestDatabase,
  type TestKafka,
} from '@bpfleet/test-environment';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newRandom, seeded } from '../chaos/rig/seed.js';
import { postgres, suiteRequires } from '../environment/src/requirements.js';
import { hostEnds } from './capture-point.js';
import { Fleet } from './fleet.js';
import { numberedExpression } from './numbered-traffic.js';
import { capture, type Deployment, expectOpens, expectSame, exported, type Pushed, push } from './packets-come-back.js';
import { postgresUrl } from './postgres-url.js';
import { commands, hostsHere } from './requirements.js';
import { SteadySender } from './steady-sender.js';
import { expectStoredOnce, newestEpoch, untilSettled } from './stored-once.js';
import { talk } from './talk.js';

const FRAMES_PER_POINT = 7_500;
const PACKETS_PER_SECOND = 5_000;
/** 60 s and 20 rounds in the long form: `BPFLEET_TEST_ROUNDS=20 npm test -- fleet`. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 2);
const QUIET_MS = ROUNDS * 3_000;
const LONGEST_LIFE_MS = 1_500;

const needs = {
  hosts: await hostsHere(),
  tools: commands('tcpdump', 'tshark'),
  postgres: await postgres(),
};

suiteRequires(seeded('a fleet of three hosts over Kafka'), needs, ({ postgres: server }) => {
  let hosts: Hosts;
  let kafka: TestKafka;
  let database: TestDatabase;
  let fleet: Fleet;
  let deployment: Deployment;

  beforeAll(async () => {
    hosts = await createHosts({ count: 3 });
    const started = await startOwnKafka({ advertisedHost: hosts.rootAddress, listenHost: '0.0.0.0' });
    if ('unavailable' in started) throw new Error(started.unavailable);
    kafka = started;
    database = await createDatabase(server.connection);
    const [filterManager, analytics] = await freePorts(2);
    fleet = new Fleet({
      hosts,
      brokers: kafka.brokers,
      postgresUrl: postgresUrl(database.connection),
      ports: { filterManager: filterManager!, analytics: analytics! },
    });
    await fleet.start();
    const until = fleet.until.bind(fleet);
    deployment = { hosts, control: fleet.control, query: fleet.query, points: hostEnds(hosts), until };
  });

  afterAll(async () => {
    await fleet?.stop();
    await kafka?.stop();
    await database?.drop();
    await hosts?.remove();
  });

  const whole: Pushed = {
    filter: { name: 'mix', expression: 'udp or icmp or arp', snaplenBytes: 262_144 },
    tcpdump: 'udp or icmp or arp',
  };
  const cut = (): Pushed => ({
    filter: { name: 'heads', expression: 'tcp or icmp6', snaplenBytes: 96 },
    tcpdump: `(tcp or icmp6) and not host ${hosts.rootAddress}`,
  });

  it('stores exactly what a tcpdump beside each agent captures', async () => {
    const pushed = [];
    for (const one of [whole, cut()]) pushed.push({ ...one, version: await push(deployment, one) });
    const traffic = () => talk(hosts);
    const load = { framesPerPoint: FRAMES_PER_POINT, packetsPerSecond: PACKETS_PER_SECOND, traffic };
    const seen = await capture(deployment, pushed, load);
    for (const one of seen) expectSame(one);
    const stored = seen.reduce((sum, { tcpdump }) => sum + tcpdump.length, 0);
    const sent = 3 * FRAMES_PER_POINT;
    expect(stored / sent).toBeGreaterThan(0.3);
    const ofMix = seen
      .filter(({ version }) => version === 'mix@1')
      .reduce((sum, { tcpdump }) => sum + tcpdump.length, 0);
    expect(ofMix / sent).toBeLessThan(0.7);
  });

  it('exports files that tcpdump and tshark open, and answers in the filter language', async () => {
    const all = await exported(deployment.query, { version: 'mix' });
    await expectOpens(all.file, all.packets.length);
    const some = await exported(deployment.query, { version: 'mix', filter: 'icmp', agent: 'h2' });
    expect(some.packets.length).toBeGreaterThan(100);
    expect(some.packets.every(({ bytes }) => bytes[23] === 1)).toBe(true);
    await expectOpens(some.file, some.packets.length);
  });

  it('changes what is captured by a second version, without a restart', async () => {
    const pids = [...fleet.agents.values()].map((agent) => agent.process.pid);
    const second: Pushed = {
      filter: { name: 'heads', expression: 'arp', snaplenBytes: 96 },
      tcpdump: 'arp',
    };
    const version = await push(deployment, second);
    expect(version).toBe('heads@2');
    // What the first version captured last may still be on its way.
    await untilSettled(deployment.query, 'heads@1');
    const before = await exported(deployment.query, { version: 'heads@1' });
    const seen = await capture(deployment, [{ ...second, version }], {
      framesPerPoint: 1_000,
      packetsPerSecond: 5_000,
    });
    for (const one of seen) expectSame(one);
    expect((await exported(deployment.query, { version: 'heads@1' })).packets).toHaveLength(before.packets.length);
    expect([...fleet.agents.values()].map((agent) => agent.process.pid)).toEqual(pids);
  });

  it('keeps the connections of bpfleet itself out of a match-all filter', { timeout: QUIET_MS + 60_000 }, async () => {
    const everything: Pushed = { filter: { name: 'everything', expression: '', snaplenBytes: 128 }, tcpdump: '' };
    const version = await push(deployment, everything);
    const count = async (): Promise<number> => (await exported(deployment.query, { version })).packets.length;
    const before = await count();
    // Time itself is what is measured here: agents poll, report and send meanwhile.
    await delay(QUIET_MS);
    const perSecond = ((await count()) - before) / 3 / (QUIET_MS / 1000);
    console.info(`match-all, no other traffic: ${perSecond.toFixed(3)} packets/s per agent over ${QUIET_MS / 1000} s`);
    expect(perSecond).toBeLessThanOrEqual(1);
    await fleet.control.call(controlApi.deleteFilter, { path: { name: 'everything' } });
  });

  it(`survives kill -9 of an agent ${ROUNDS} times and stores no packet twice`, {
    timeout: 30_000 * (ROUNDS + 2),
  }, async () => {
    const numbered = { name: 'numbered', expression: numberedExpression, snaplenBytes: 128 };
    await push(deployment, { filter: numbered, tcpdump: '' });
    const host = hosts.host(1);
    const sender = new SteadySender(host.name, (action) => hosts.inside(hosts.hub, action));
    sender.start(PACKETS_PER_SECOND);
    let epoch = 0;
    const random = newRandom();
    for (let round = 0; round <= ROUNDS; round++) {
      const before = epoch;
      await fleet.until('packets of this run', async () => {
        epoch = await newestEpoch(fleet.query, 'numbered');
        return epoch > before;
      });
      if (round === ROUNDS) break;
      await delay(random.below(LONGEST_LIFE_MS));
      await fleet.agents.get(host.name)!.end('SIGKILL');
      fleet.startAgent(host);
    }
    await sender.stop();
    await untilSettled(fleet.query, 'numbered');
    expect(await expectStoredOnce(fleet.query, 'numbered')).toBeGreaterThan(ROUNDS * 100);
  });
});
