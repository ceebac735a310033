import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { forEachPacket, readSection } from '@bpfleet/section';
import {
  addCables,
  cableNames,
  canMakeHosts,
  createHosts,
  type Host,
  type Hosts,
  otherEnd,
  removeCables,
} from '@bpfleet/test-environment';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { printFigures } from '../../../../tests/conformance/figures.js';
import { CaptureRig } from '../testing/capture-rig.js';
import { CLASSES, classOf, expressionOf, numberAt, placeOf } from '../testing/numbered-packets.js';
import type { TestFilter } from '../testing/signing-service.js';
import { SwapAudit } from '../testing/swap-audit.js';

const possible = await canMakeHosts();
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const SWAPS = 10 * ROUNDS;
const PACKETS_PER_SECOND = 20_000;
const seed = Number(process.env.BPFLEET_TEST_SEED ?? Date.now() % 1_000_000_000);
const what = 'a shared socket under load';
const title = possible.ok ? `${what}, seed ${seed}` : `${what} [skipped: ${possible.reason}]`;
const SENDER = fileURLToPath(new URL('../../dist/testing/numbered-sender.js', import.meta.url));
const timeout = 60_000 + 4_000 * SWAPS;

const on = ['e*', '!eth0'];
/** Every packet of every interface. */
const all: TestFilter = { filter: 'all', version: 1, expression: 'udp', interfaces: on };
const swapped = (version: number): TestFilter => ({
  ...{ filter: 'f', version, expression: expressionOf(version), interfaces: on },
});

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  let rig: CaptureRig;
  let sender: ChildProcess;
  let said: Promise<string>;
  let targets: readonly string[];
  let audit: SwapAudit;
  /** By packet number: how often it is stored. */
  const copies = new Map<number, number>();
  let misplaced: string[] = [];

  beforeEach(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
    audit = new SwapAudit(seed);
    copies.clear();
    misplaced = [];
    rig = new CaptureRig(host.namespacePath);
    await rig.start();
  });
  afterEach(async () => {
    await rig.stop();
    await hosts.remove();
  });

  const desire = (...filters: readonly TestFilter[]) => rig.desire(rig.service.desire(filters));

  /** To each by turns, on one processor: on two, packets could overtake each other. */
  function startSending(names: readonly string[]): void {
    targets = names;
    const to = names.map(otherEnd).join();
    const argv = ['taskset', '-c', '0', process.execPath, SENDER, to, String(PACKETS_PER_SECOND), String(seed)];
    sender = hosts.spawn(host, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    said = text(sender.stdout!);
  }

  /** @returns how many were sent */
  async function stopSending(): Promise<number> {
    const exited = once(sender, 'exit');
    sender.stdin!.end();
    await exited;
    return (JSON.parse(await said) as { sent: number }).sent;
  }

  /** Takes over what was stored meanwhile. */
  async function readStored(): Promise<void> {
    for (const { bytes } of await rig.read()) {
      const { interfaces: blocks } = readSection(bytes);
      forEachPacket(bytes, ({ interfaceId, start }) => {
        const { name, description = '' } = blocks[interfaceId]!;
        const number = numberAt(bytes, start);
        copies.set(number, (copies.get(number) ?? 0) + 1);
        if (targets[placeOf(number, targets.length)] !== name) misplaced.push(`${number} on ${name}`);
        if (description !== 'all@1') audit.stored(number, description);
        return true;
      });
    }
    rig.sections.length = 0;
  }

  /** Every packet is stored once, under its interface, and is in the ledger of that one. */
  async function untilAllIsStored(sent: number): Promise<void> {
    await rig.until('all packets', async () => {
      await readStored();
      return copies.size >= sent;
    });
    expect([copies.size, [...copies.values()].filter((times) => times !== 1).length, misplaced.length]).toEqual([
      ...[sent, 0, 0],
    ]);
    const sentTo = new Map(targets.map((name) => [name, 0]));
    for (let number = 1; number <= sent; number++) {
      const name = targets[placeOf(number, targets.length)]!;
      sentTo.set(name, sentTo.get(name)! + 1);
    }
    const { versions } = await rig.source.counters();
    const ofAll = versions.filter((one) => one.version === 'all@1' && sentTo.has(one.interface));
    expect(new Map(ofAll.map(({ interface: name, stored }) => [name, stored]))).toEqual(sentTo);
    expect(ofAll.filter(({ matched, stored }) => matched !== stored)).toEqual([]);
  }

  async function untilMore(): Promise<void> {
    const enough = copies.size + 1000;
    await rig.until('more packets', async () => {
      await readStored();
      return copies.size > enough;
    });
  }

  async function untilAudited(sent: number): Promise<ReturnType<SwapAudit['findings']>> {
    let lastOfBoth = sent;
    while (classOf(lastOfBoth, seed) !== 'both') lastOfBoth--;
    await rig.until('the last packets', async () => {
      await readStored();
      return audit.has(lastOfBoth);
    });
    return audit.findings(sent);
  }

  const socketsNow = async () => (await rig.source.counters()).sockets.map(({ interfaces }) => interfaces.length);

  it(`gives each packet to one version, over ${SWAPS} swaps`, { timeout }, async () => {
    const names = cableNames(70);
    await addCables(hosts, host, names);
    await desire(swapped(1));
    startSending(names);
    for (let version = 2; version <= SWAPS + 1; version++) {
      await rig.settled();
      await untilMore();
      await desire(swapped(version));
    }
    await rig.settled();
    await untilMore();
    const sent = await stopSending();
    const { counts, ...found } = await untilAudited(sent);
    const shown = CLASSES.map((name) => `${name} ${counts[name].stored} of ${counts[name].sent}`).join(', ');
    printFigures(seed, `${found.versions} versions, ${sent} packets on 70 interfaces: ${shown}`);
    expect(found).toEqual({ versions: SWAPS + 1, wrong: 0, examples: [] });
    expect(misplaced).toEqual([]);
    const { sockets, versions } = await rig.source.counters();
    expect(sockets).toMatchObject([{ dropped: 0, interfaces: { length: names.length } }]);
    expect(versions.reduce((sum, { stored }) => sum + stored, 0)).toBe(copies.size);
  });

  it('counts for each interface what came to it, while others come and go', { timeout }, async () => {
    const names = cableNames(70);
    await addCables(hosts, host, names);
    await desire(all);
    startSending(names);
    for (let round = 0; round < 3; round++) {
      await addCables(hosts, host, ['e99']);
      await rig.until('one more', async () => (await socketsNow()).join() === '71');
      await untilMore();
      removeCables(host, ['e99']);
      await rig.until('one less', async () => (await socketsNow()).join() === '70');
    }
    const sent = await stopSending();
    await untilAllIsStored(sent);
    expect((await rig.source.counters()).sockets).toMatchObject([{ passed: sent, dropped: 0, taken: sent }]);
  });

  it('loses and doubles nothing where interfaces become too many for a socket each, and few again', {
    timeout,
  }, async () => {
    const [few, more] = [cableNames(7), cableNames(9, 8)];
    await addCables(hosts, host, [...few, ...more]);
    await desire(all);
    expect(await socketsNow()).toEqual(Array.from({ length: 16 }, () => 1));
    startSending(few);
    await untilMore();
    await addCables(hosts, host, ['e17']);
    await rig.until('one socket', async () => (await socketsNow()).join() === '17');
    await rig.settled();
    await untilMore();
    removeCables(host, ['e17', ...more]);
    await rig.until('a socket each', async () => (await socketsNow()).join() === few.map(() => 1).join());
    await rig.settled();
    await untilAllIsStored(await stopSending());
  });
});
