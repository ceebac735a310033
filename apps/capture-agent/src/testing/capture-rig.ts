import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootTimeMs, enterNetworkNamespace, matchesPatterns } from '@bpfleet/linux';
import { readSection } from '@bpfleet/section';
import { pino } from 'pino';
import type { DesireAnswer, DesireOrder, OpenerEvent, OpenerHello } from '../border/opener-port.js';
import type { PacketSource } from '../capture/sources/packet-source.js';
import { RingSource } from '../capture/sources/ring-source.js';
import { type ChosenSource, hostInterfaces } from '../choose-source.js';
import { Opener } from '../opener/opener.js';
import { DiskSpool } from '../spool/disk-spool.js';
import type { StoredSection } from '../spool/section-store.js';
import { SigningService } from './signing-service.js';

const silent = pino({ level: 'silent' });

const ring: ChosenSource = {
  kind: 'ring',
  create: (opener, positions, logger) => new RingSource(opener, positions, logger),
  interfaces: hostInterfaces,
  opensSockets: true,
  matches: matchesPatterns,
};

/** An opener and a source on a test host, with a spool that the test reads: everything of an agent but the network. */
export class CaptureRig {
  readonly service = new SigningService('agent-1');
  readonly events: OpenerEvent[] = [];
  readonly sections: StoredSection[] = [];
  opener!: Opener;
  source!: PacketSource;
  /** Once, after the opener has read which interfaces there are and before it opens sockets on them. */
  whilePlanning: (() => void) | undefined;
  #spool!: DiskSpool;
  #folder = '';
  #hello!: OpenerHello;
  #failure: unknown;
  #leave: () => void = () => {};

  /** @param namespacePath of the host; the thread stays there until `stop` */
  constructor(
    private readonly namespacePath: string,
    private readonly chosen: ChosenSource = ring,
  ) {}

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'bpfleet-rig-'));
    const onFatal = (error: unknown): void => {
      this.#failure = error;
    };
    this.#leave = enterNetworkNamespace(this.namespacePath);
    this.opener = new Opener({
      folder: join(this.#folder, 'opener'),
      agent: 'agent-1',
      interfaces: this.chosen.interfaces,
      mayOpen: (name) => this.#mayOpen(name),
      matches: this.chosen.matches,
      opensSockets: this.chosen.opensSockets,
      ringBudgetBytes: 64 * 1024 * 1024,
      endpoints: [{ host: 'kafka.example', port: 9092 }],
      isConfined: () => false,
      logger: silent,
      onFatal,
    });
    await this.opener.start((event) => {
      this.events.push(event);
      this.source?.follow(event);
    });
    await this.opener.pin([this.service.key.publicKey]);
    this.#hello = await this.opener.hello(this.service.key.publicKey);
    const spoolFolder = join(this.#folder, 'spool');
    this.#spool = new DiskSpool(spoolFolder, { maxBytes: 1e12, maxAgeMs: 1e12 }, 1, bootTimeMs);
    await this.#spool.open();
    this.source = this.chosen.create(this.opener, [], silent);
    await this.source.start(
      {
        agent: 'agent-1',
        epoch: this.#hello.epoch,
        spoolFolder,
        firstSegment: this.#spool.firstSegment,
        boot: 1,
        bootTimeOriginMs: bootTimeMs() - performance.now(),
        ledgerBefore: {},
        hardware: 'test',
        operatingSystem: 'test',
        application: 'test',
      },
      { spooled: () => {}, stepped: () => {}, refused: (_, __, error) => onFatal(error), fatal: onFatal },
    );
  }

  async desire(order: DesireOrder): Promise<DesireAnswer> {
    const answer = await this.opener.desire(order);
    await this.source.apply(answer, order.excluded);
    return answer;
  }

  #mayOpen(name: string): boolean {
    const action = this.whilePlanning;
    this.whilePlanning = undefined;
    action?.();
    return name !== 'lo';
  }

  get identityPublicKey(): string {
    return this.#hello.identityPublicKey;
  }

  /** Resolves when no swap is under way. */
  async settled(): Promise<void> {
    await this.until('swaps to end', async () => {
      const { outcomes } = await this.opener.attest();
      return outcomes.every(({ state }) => state !== 'pending');
    });
  }

  async until(what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 20_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await holds())) {
      if (this.#failure !== undefined) throw this.#failure;
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Reads what is in the spool by now. */
  async read(): Promise<readonly StoredSection[]> {
    for (;;) {
      await this.#spool.refresh();
      const batch = await this.#spool.take(1 << 22);
      if (batch.length === 0) return this.sections;
      // The spool uses a batch's memory again.
      for (const section of batch) this.sections.push({ ...section, bytes: Buffer.from(section.bytes) });
      await this.#spool.acknowledge();
    }
  }

  get packets(): number {
    return this.sections.reduce((sum, { bytes }) => sum + readSection(bytes).packets, 0);
  }

  async stop(): Promise<void> {
    await this.source?.stop();
    await this.opener?.stop();
    await this.#spool?.close();
    this.#leave();
    await rm(this.#folder, { recursive: true, force: true });
    if (this.#failure !== undefined) throw this.#failure;
  }
}
