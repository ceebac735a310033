import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostsHere } from '../e2e/requirements.js';
import { postgres, suiteRequires } from '../environment/src/requirements.js';
import { missingAndTwice, OneHost } from './one-host.js';

/** 60 s in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const AWAY_MS = 3_000 * ROUNDS;
/** Ten times as much in the long form, on a machine that does nothing else. */
const PACKETS_PER_SECOND = ROUNDS < 20 ? 4_000 : 20_000;
const BEFORE_AND_AFTER_MS = 1_000;
const TIMEOUT_MS = 90_000 + 5 * AWAY_MS;
const MIB = 1024 * 1024;

const needs = { hosts: await hostsHere(), postgres: await postgres() };

async function awayUnderLoad(rig: OneHost): Promise<number> {
  rig.sender.start(PACKETS_PER_SECOND);
  await delay(BEFORE_AND_AFTER_MS);
  await rig.kafka.control.pause();
  await delay(AWAY_MS);
  await rig.kafka.control.resume();
  await delay(BEFORE_AND_AFTER_MS);
  return rig.sender.stop();
}

// F4 of the failure suite.
suiteRequires('brokers that are away, below the cap of the spool', needs, ({ postgres: server }) => {
  const rig = new OneHost();
  beforeAll(() => rig.start(server.connection));
  afterAll(() => rig.stop());

  it(`loses nothing in ${AWAY_MS / 1000} s at ${PACKETS_PER_SECOND} packets/s`, { timeout: TIMEOUT_MS }, async () => {
    const sent = await awayUnderLoad(rig);
    await untilSent(rig, sent);
    expect(missingAndTwice(sent, await rig.stored(sent))).toEqual({ missing: 0, twice: 0 });
  });
});

suiteRequires('brokers that are away, above the cap of the spool', needs, ({ postgres: server }) => {
  const rig = new OneHost();
  const env = { BPFLEET_AGENT_SPOOL_BYTES: String(MIB) };
  beforeAll(() => rig.start(server.connection, env));
  afterAll(() => rig.stop());

  it('stores or gives up each packet, and counts exactly', { timeout: TIMEOUT_MS }, async () => {
    const sent = await awayUnderLoad(rig);
    await untilSent(rig, sent);
    const givenUp = (await counts(rig))!.evictedPackets;
    const stored = await rig.stored(sent - givenUp);
    console.info(`${sent} packets sent, ${stored.size} stored, ${givenUp} given up`);
    expect(givenUp).toBeGreaterThan(0);
    expect(missingAndTwice(sent, stored)).toEqual({ missing: givenUp, twice: 0 });
  });
});

const counts = async (rig: OneHost) => (await rig.status())?.ledger?.agent;

/** Until every packet that was sent is acknowledged by Kafka or given up, by the agent's own word. */
function untilSent(rig: OneHost, packets: number): Promise<void> {
  const isDone = async () => {
    const ledger = await counts(rig);
    return ledger !== undefined && ledger.sentPackets + ledger.evictedPackets >= packets;
  };
  return rig.fleet.until('all packets to be sent or given up', isDone, TIMEOUT_MS / 2);
}
