import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { packetMediaTypes, queryApi } from '@bpfleet/contract';
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
import { hostEnds } from '../e2e/capture-point.js';
import { Fleet } from '../e2e/fleet.js';
import { numberedExpression, numbersIn } from '../e2e/numbered-traffic.js';
import { type Deployment, push } from '../e2e/packets-come-back.js';
import { postgresUrl } from '../e2e/postgres-url.js';
import { hostsHere } from '../e2e/requirements.js';
import { SteadySender } from '../e2e/steady-sender.js';
import { newestEpoch, untilSettled } from '../e2e/stored-once.js';
import { postgres, suiteRequires } from '../environment/src/requirements.js';

const PACKETS_PER_SECOND = 20_000;
/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 3);
const LONGEST_LIFE_MS = 1_500;

const needs = { hosts: await hostsHere(), postgres: await postgres() };

// F2 of the failure suite.
suiteRequires('an agent process that is killed while its opener lives on', needs, ({ postgres: server }) => {
  let hosts: Hosts;
  let kafka: TestKafka;
  let database: TestDatabase;
  let fleet: Fleet;
  let deployment: Deployment;

  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
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

  it(`loses no packet and stores none twice in ${ROUNDS} kills at ${PACKETS_PER_SECOND} packets/s`, {
    timeout: 30_000 * (ROUNDS + 3),
  }, async () => {
    const numbered = { name: 'numbered', expression: numberedExpression, snaplenBytes: 96 };
    await push(deployment, { filter: numbered, tcpdump: '' });
    const host = hosts.host(1);
    const sender = new SteadySender(host.name, (action) => hosts.inside(hosts.hub, action));
    sender.start(PACKETS_PER_SECOND);
    let epoch = 0;
    for (let round = 0; round <= ROUNDS; round++) {
      const before = epoch;
      await fleet.until('packets of this run', async () => {
        epoch = await newestEpoch(fleet.query, 'numbered');
        return epoch > before;
      });
      if (round === ROUNDS) break;
      await delay(Math.random() * LONGEST_LIFE_MS);
      process.kill(childOf(fleet.agents.get(host.name)!.process.pid!), 'SIGKILL');
    }
    const sent = await sender.stop();
    await untilSettled(fleet.query, 'numbered');
    const numbers = await storedNumbers();
    const missing = Array.from({ length: sent }, (_, number) => number).filter((number) => !numbers.has(number));
    console.info(`${ROUNDS} kills, ${sent} packets sent, ${missing.length} missing`);
    expect({ missing: missing.length, twice: [...numbers.values()].filter((count) => count > 1).length }).toEqual({
      missing: 0,
      twice: 0,
    });
  });

  async function storedNumbers(): Promise<Map<number, number>> {
    const query = { version: 'numbered', since: '-1h', limit: 10_000_000 };
    const file = await fleet.query.send(queryApi.listPackets, { query, headers: { accept: packetMediaTypes.pcapng } });
    const counts = new Map<number, number>();
    for (const number of numbersIn(new Uint8Array(await file.arrayBuffer()))) {
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    return counts;
  }
});

/** The agent process of an opener: its only child. */
function childOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return Number(child);
}
