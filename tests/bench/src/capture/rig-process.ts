// An agent without its network: opener, capture thread, spool. Its command line: NAMESPACE_PATH
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bootTimeMs, enterNetworkNamespace, interfaces, matchesPatterns } from '@bpfleet/linux';
import type { Built } from './built-agent.js';
import { answerParent } from './talking-child.js';

/** A filter as the bench names it. */
export interface RigFilter {
  readonly filter: string;
  readonly version: number;
  readonly expression: string;
  readonly snaplenBytes: number;
}

/** The spool is looked at as an agent does that waits for its broker: within limits, and safe from a loss of power. */
const LOOK_MS = 250;
const READ_BYTES = 900 * 1024;

/** The bench runs the agent as it is built, as users do. */
const built = async <Name extends keyof Built>(name: Name, file: string): Promise<Built[Name]> => {
  const url = new URL(`../../../../apps/capture-agent/dist/${file}.js`, import.meta.url);
  return ((await import(url.href)) as Pick<Built, Name>)[name];
};
const Opener = await built('Opener', 'opener/opener');
const RingSource = await built('RingSource', 'capture/sources/ring-source');
const DiskSpool = await built('DiskSpool', 'spool/disk-spool');
const SigningService = await built('SigningService', 'testing/signing-service');

const fatal = (error: unknown): never => {
  throw error;
};
const folder = await mkdtemp(join(tmpdir(), 'bpfleet-bench-rig-'));
enterNetworkNamespace(process.argv[2]!);
const service = new SigningService('bench');
const opener = new Opener({
  ...{
    folder: join(folder, 'opener'),
    agent: 'bench',
    opensSockets: true,
    ringBudgetBytes: 64 * 1024 * 1024,
    endpoints: [],
  },
  ...{ interfaces, mayOpen: (name: string) => name !== 'lo', matches: matchesPatterns },
  ...{ isConfined: () => false, logger: console, onFatal: fatal },
});
const source = new RingSource(opener, [], console);
await opener.start((event) => source.follow(event));
await opener.pin([service.key.publicKey]);
const { epoch } = await opener.hello(service.key.publicKey);
const spoolFolder = join(folder, 'spool');
const spool = new DiskSpool(spoolFolder, { maxBytes: 1e12, maxAgeMs: 1e12 }, 1, bootTimeMs);
await spool.open();
const { firstSegment } = spool;
const bootTimeOriginMs = bootTimeMs() - performance.now();
await source.start(
  {
    ...{ agent: 'bench', epoch, spoolFolder, firstSegment, boot: 1, bootTimeOriginMs, ledgerBefore: {} },
    ...{ hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet bench' },
  },
  { spooled: () => {}, stepped: () => {}, refused: (_, __, error) => fatal(error), fatal },
);

let running = true;
const looking = (async () => {
  while (running) {
    await spool.refresh();
    await delay(LOOK_MS);
  }
})();

export const rigQuestions = {
  /** Resolves when these filters run, and no others. */
  async desire(filters: readonly RigFilter[]): Promise<void> {
    const answer = await opener.desire(service.desire(filters));
    await source.apply(answer);
    const refused = answer.outcomes.find(({ state }) => state !== 'attested' && state !== 'pending');
    if (refused) throw new Error(`${refused.filter} is ${refused.state}: ${refused.reason}`);
    while ((await opener.attest()).outcomes.some(({ state }) => state === 'pending')) await delay(10);
  },
  /** Of the sockets that are open now: what left the ring, not what came of it. */
  async counters(): Promise<{ passed: number; dropped: number; taken: number }> {
    const { sockets } = await source.counters();
    const sum = (of: 'passed' | 'dropped' | 'taken') => sockets.reduce((total, socket) => total + socket[of], 0);
    return { passed: sum('passed'), dropped: sum('dropped'), taken: sum('taken') };
  },
  /** Packets of the sections that are in the spool, found by reading its segments; asked when nothing is to run. */
  async spooled(): Promise<number> {
    // A ring is given back when what was in it is in the spool.
    while (source.mappedBytes > 0) await delay(10);
    await spool.refresh();
    return spool.counts.waiting.packets;
  },
  /** What is in the spool counts as sent. */
  async empty(): Promise<void> {
    await spool.refresh();
    while ((await spool.take(READ_BYTES)).length > 0) await spool.acknowledge();
  },
};
export type RigQuestions = typeof rigQuestions;

answerParent(rigQuestions, async () => {
  running = false;
  await looking;
  await source.stop();
  await opener.stop();
  await spool.close();
  await rm(folder, { recursive: true, force: true });
});
