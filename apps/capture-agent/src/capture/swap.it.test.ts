import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Ancillary, BPF, encodeProgram, SKF_AD_OFF, statement, toTuples } from '@bpfleet/bpf';
import { PacketSocket } from '@bpfleet/linux';
import { compile } from '@bpfleet/pcap-filter';
import { forEachPacket, readSection } from '@bpfleet/section';
import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectRate } from '../../../../tests/chaos/rig/rate.js';
import { printFigures } from '../../../../tests/conformance/figures.js';
import { CaptureRig } from '../testing/capture-rig.js';
import { CLASSES, classOf, expressionOf, numberAt } from '../testing/numbered-packets.js';
import { randomNumbers } from '../testing/random-frames.js';
import type { TestFilter } from '../testing/signing-service.js';
import { SwapAudit } from '../testing/swap-audit.js';

const possible = await canMakeHosts();
/** 1,000 in the long form: `BPFLEET_TEST_ROUNDS=50`. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const SWAPS = 20 * ROUNDS;
/** From socket to socket: each takes a second. */
const SOCKET_SWAPS = ROUNDS > 1 ? SWAPS : 8;
const PACKETS_PER_SECOND = 50_000;
const timeout = 60_000 + 2_000 * SWAPS;
/** A swap takes about as long, so some come while another is under way. */
const LONGEST_PAUSE_MS = 100;
const seed = Number(process.env.BPFLEET_TEST_SEED ?? Date.now() % 1_000_000_000);
const title = possible.ok ? `a swap, seed ${seed}` : `a swap [skipped: ${possible.reason}]`;
const SENDER = fileURLToPath(new URL('../../dist/testing/numbered-sender.js', import.meta.url));

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let rig: CaptureRig;
  /** Counts what reaches the host, whatever becomes of it. */
  let witness: PacketSocket;
  let sender: ChildProcess;
  let said: Promise<string>;
  let audit: SwapAudit;

  beforeEach(async () => {
    audit = new SwapAudit(seed);
    hosts = await createHosts({ count: 1 });
    const host = hosts.host(1);
    const interfaceIndex = hosts.interfaceIndex(host);
    witness = hosts.inside(host, () =>
      PacketSocket.open({ interfaceIndex, blockBytes: 1 << 16, blockCount: 2, blockTimeoutMs: 1000 }),
    );
    witness.attach(encodeProgram(compile('udp src portrange 1-4', { live: true }).program));
    rig = new CaptureRig(host.namespacePath);
    await rig.start();
  });
  afterEach(async () => {
    await rig.stop();
    witness.close();
    await hosts.remove();
  });

  /** On one processor: on two, packets could overtake each other. */
  function startSending(): void {
    const argv = ['taskset', '-c', '0', process.execPath, SENDER, 'h1', String(PACKETS_PER_SECOND), String(seed)];
    sender = hosts.spawn(hosts.hub, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    said = text(sender.stdout!);
  }

  async function stopSending(): Promise<{ sent: number; elapsedMs: number }> {
    const exited = once(sender, 'exit');
    sender.stdin!.end();
    await exited;
    return JSON.parse(await said) as { sent: number; elapsedMs: number };
  }

  /** Takes over what was stored meanwhile. @returns the newest version */
  async function readStored(): Promise<string> {
    let newest = '';
    for (const { bytes } of await rig.read()) {
      const { interfaces } = readSection(bytes);
      forEachPacket(bytes, ({ interfaceId, start }) => {
        newest = interfaces[interfaceId]!.description ?? '';
        audit.stored(numberAt(bytes, start), newest);
        return true;
      });
    }
    rig.sections.length = 0;
    return newest;
  }

  const filterOf = (version: number): TestFilter => ({ filter: 'f', version, expression: expressionOf(version) });
  const desire = (...filters: readonly TestFilter[]) => rig.desire(rig.service.desire(filters));
  /** It also asks for the mark, which user space does not see: so it gets a socket of its own. */
  const ownSocketOf = (version: number): TestFilter => {
    const { program } = compile(expressionOf(version), { live: true });
    const instructions = toTuples([statement(BPF.LD | BPF.W | BPF.ABS, SKF_AD_OFF + Ancillary.MARK), ...program]);
    const form = { linkType: 'EN10MB', form: 'live', target: 'cbpf' } as const;
    return { ...filterOf(version), programs: [{ ...form, instructions, selfTest: [] }] };
  };

  /** One after the other, each once packets are stored under the one before. */
  async function swapAll(
    swaps: number,
    filterAt: (version: number) => TestFilter,
    ...others: readonly TestFilter[]
  ): Promise<void> {
    await desire(filterAt(1), ...others);
    startSending();
    for (let version = 1; version <= swaps; version++) {
      await rig.settled();
      await rig.until(`packets of version ${version}`, async () => (await readStored()) === `f@${version}`);
      await desire(filterAt(version + 1), ...others);
    }
    expect(findings(await stopAfter(swaps + 1))).toEqual({ versions: swaps + 1, wrong: 0, examples: [] });
  }

  /** Ends when a packet of the last version is stored. @returns how many were sent */
  async function stopAfter(lastVersion: number): Promise<{ sent: number; packetsPerSecond: number }> {
    await rig.settled();
    // The swap has ended; that a packet came since is another thing: the sender too has to wait for a processor.
    await rig.until(`packets of version ${lastVersion}`, async () => (await readStored()) === `f@${lastVersion}`);
    const { sent, elapsedMs } = await stopSending();
    let lastOfBoth = sent;
    while (classOf(lastOfBoth, seed) !== 'both') lastOfBoth--;
    await rig.until('the last packets', async () => {
      await readStored();
      return audit.has(lastOfBoth);
    });
    const { sockets } = await rig.source.counters();
    const { passed: arrived } = witness.statistics();
    expect([arrived, sockets.filter(({ dropped }) => dropped > 0)]).toEqual([sent, []]);
    const { outcomes } = await rig.opener.attest();
    expect(outcomes.find(({ filter }) => filter === 'f')).toMatchObject({ version: lastVersion, state: 'attested' });
    return { sent, packetsPerSecond: Math.round((sent / elapsedMs) * 1000) };
  }

  function findings({ sent, packetsPerSecond }: { sent: number; packetsPerSecond: number }) {
    const { counts, ...found } = audit.findings(sent);
    const shown = CLASSES.map((name) => `${name} ${counts[name].stored} of ${counts[name].sent}`).join(', ');
    printFigures(
      seed,
      `${found.versions} versions, ${sent} packets, ${packetsPerSecond}/s of ${PACKETS_PER_SECOND}/s wished: stored ${shown}; ${found.wrong} wrong`,
    );
    expectRate(packetsPerSecond, PACKETS_PER_SECOND);
    return found;
  }

  it(`gives each packet to one version: ${SWAPS} under ${PACKETS_PER_SECOND} packets/s`, { timeout }, () =>
    swapAll(SWAPS, filterOf),
  );

  it(`gives each packet to one version, when each has a socket of its own: ${SOCKET_SWAPS}`, { timeout }, () =>
    swapAll(SOCKET_SWAPS, ownSocketOf),
  );

  it(`gives each packet to one version, when every other one leaves others for a socket of its own: ${SOCKET_SWAPS}`, {
    timeout,
  }, async () => {
    const other: TestFilter = { filter: 'other', version: 1, expression: 'tcp' };
    await swapAll(SOCKET_SWAPS, (version) => (version % 2 === 0 ? ownSocketOf(version) : filterOf(version)), other);
  });

  it(`gives each packet to one version, when ${SWAPS} are wished for at any moment`, { timeout }, async () => {
    const random = randomNumbers(seed);
    await desire(filterOf(1));
    startSending();
    for (let version = 2; version <= SWAPS + 1; version++) {
      await delay(random(LONGEST_PAUSE_MS));
      await desire(filterOf(version));
      await readStored();
    }
    const { versions, ...found } = findings(await stopAfter(SWAPS + 1));
    expect(found).toEqual({ wrong: 0, examples: [] });
    // Some are never in force: others are wished for before their swap began.
    expect(versions).toBeGreaterThan(SWAPS / 10);
  });
});
