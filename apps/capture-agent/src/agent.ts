import type { Bus } from '@bpfleet/bus';
import { DsseEnvelope, delegationText, packetsTopic } from '@bpfleet/contract';
import { bootTimeMs, type FolderLock } from '@bpfleet/linux';
import { PrivateKey } from '@bpfleet/service';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { gapErrors } from './agent-errors.js';
import type { OpenerEvent, OpenerPort } from './border/opener-port.js';
import { noteOpenSection, prepareSpool } from './capture/prepare-spool.js';
import { KEPT_TIMES_FILE } from './capture/ring/kept-times.js';
import { OPEN_SECTION_FILE, type RingPosition } from './capture/sections/open-section.js';
import { SocketGap } from './capture/socket-gap.js';
import type { CaptureRun, PacketSource, SourceEvents } from './capture/sources/packet-source.js';
import type { AgentConfig } from './config.js';
import { AgentClient } from './control/agent-client.js';
import { ControlTrouble } from './control/control-trouble.js';
import { DesiredFollower } from './control/desired-follower.js';
import { Enrolment } from './control/enrolment.js';
import { addressesOf, type ExcludedEndpoint, parseEndpoint } from './control/excluded-endpoints.js';
import { type ClaimedState, KeptOrders } from './control/kept-orders.js';
import { OwnAddresses } from './control/own-addresses.js';
import { StatusReporter } from './control/status-reporter.js';
import type { TakenBundles } from './control/take-bundles.js';
import { EpochAccount } from './epoch-account.js';
import { controlFolder } from './folders.js';
import { AgentBudgets } from './guest/agent-budgets.js';
import { GuardMeter } from './guest/guard-meter.js';
import { Guest, type Throttled } from './guest/guest.js';
import { hostOrigin } from './host-facts.js';
import { ledgerMetrics } from './ledger-metrics.js';
import type { HostInterface } from './opener/plan.js';
import { OutcomeLog } from './outcome-log.js';
import { bootId } from './spool/boot-id.js';
import { ownFolder } from './spool/own-folder.js';
import { WaitingSections } from './spool/waiting-sections.js';
import { HeldProducer } from './uplink/held-producer.js';
import { senderMetrics, storeMetrics } from './uplink/metrics.js';
import { SEND_TIMEOUT_MS, Sender } from './uplink/sender.js';

export interface AgentParts {
  readonly bus: Bus;
  readonly opener: OpenerPort;
  /** Of the opener's process; undefined: it is this one. */
  readonly openerPid?: number;
  /** @param positions where the process before stood on sockets that live on */
  readonly createSource: (positions: readonly RingPosition[]) => PacketSource;
  readonly interfaces: () => readonly HostInterface[];
  readonly logger: Logger;
  readonly registry: Registry;
  readonly onFatal: (error: unknown) => void;
  /** Once what waits is read and the threads run; no byte goes to the network, or comes from there, before it is over. */
  readonly beforeNetwork?: () => Promise<void>;
  /** A state has been carried out: work that makes much garbage. */
  readonly onCarriedOut?: () => void;
}

/** One host's agent: signed states in, signed sections and status out. */
export class CaptureAgent {
  #epoch = 0;
  #source: PacketSource | undefined;
  #spoolLock: FolderLock | undefined;
  #sections!: WaitingSections;
  #sender: Sender | undefined;
  #budgets!: AgentBudgets;
  #follower: DesiredFollower | undefined;
  #reporter: StatusReporter | undefined;
  #account!: EpochAccount;
  #gap!: SocketGap;
  readonly #early: OpenerEvent[] = [];
  readonly #stopping = new AbortController();
  readonly #clock = { boot: bootId(), nowMs: bootTimeMs };
  readonly #bootTimeOriginMs = bootTimeMs() - performance.now();

  /** The status would say something else than the last one. */
  readonly #changed = (): void => this.#reporter?.changed();
  readonly #outcomes: OutcomeLog;
  readonly #trouble = new ControlTrouble(this.#changed);
  readonly #orders: KeptOrders;
  readonly #own: OwnAddresses;
  readonly #guest: Guest;
  readonly #guard: GuardMeter;

  constructor(
    private readonly config: AgentConfig & { readonly agentSpoolDir: string },
    private readonly parts: AgentParts,
  ) {
    const budget = { cpuPercent: config.agentCpuPercent, memoryBytes: config.agentMemoryBytes };
    this.#outcomes = new OutcomeLog(parts.logger);
    this.#orders = new KeptOrders(controlFolder(config.agentStateDir), parts.logger, this.#changed);
    this.#own = new OwnAddresses({
      configured: config.kafkaBrokers,
      brokers: () => parts.bus.endpoints(),
      addressesOf: (host) => addressesOf(host, parts.logger),
      logger: parts.logger,
      signal: this.#stopping.signal,
      onNews: () => this.#repeat(),
      changed: this.#changed,
    });
    this.#guard = new GuardMeter(parts.openerPid);
    const ringBytes = (): number => this.#source?.mappedBytes ?? 0;
    const captures: Throttled = {
      throttle: (step) => this.#source?.throttle(step),
      collect: () => this.#source?.collect(),
    };
    this.#guest = new Guest(budget, parts.openerPid, ringBytes, parts.logger, captures, this.#changed);
  }

  /** Grows with each start; part of each stored packet's id. */
  get epoch(): number {
    return this.#epoch;
  }

  async start(): Promise<void> {
    const { config, parts } = this;
    this.#spoolLock = await ownFolder(config.agentSpoolDir, parts.logger);
    await parts.opener.start((event) => this.#hear(event));
    const sessionKey = PrivateKey.generate();
    const hello = await parts.opener.hello(sessionKey.publicKey);
    this.#epoch = hello.epoch;
    const delegation = delegationText(DsseEnvelope.parse(hello.delegation));
    await this.#openSections();
    await this.#sections.beginEpoch(hello.epoch, { key: sessionKey, delegation });
    await this.#startSource();
    await parts.beforeNetwork?.();
    this.#guest.start();
    this.#sender = this.#makeSender();
    this.#budgets = new AgentBudgets(config, { guest: this.#guest, disk: this.#sections.disk, sender: this.#sender });
    this.#budgets.keepTo({});
    await this.#sender.start();
    // Also while nothing is desired: sections may wait from before.
    void this.#own.leaveOut([], async () => {});
    const client = new AgentClient(config.server, { agent: hello.agent, key: sessionKey, delegation });
    const enrolment = this.#enrolmentBy(client);
    const enrolled = enrolment.first(parts.onFatal);
    client.onUnknown = () => enrolment.enrol();
    const status = (nonce: string | undefined) => this.#account.status(nonce);
    this.#reporter = new StatusReporter(client, parts.logger, enrolled, status, parts.onFatal);
    this.#reporter.start();
    this.#follower = this.#makeFollower(client, this.#reporter.registered);
    await this.#follower.start();
    for (const { code, message } of this.#account.interfaceErrors) parts.logger.warn({ code }, message);
    parts.logger.info({ agent: hello.agent, epoch: this.#epoch, source: this.#source?.kind }, 'agent runs');
  }

  /** Stops capture, sends what is there for at most 5 s, leaves nothing running. The rest stays in the spool. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#guest.stop();
    await this.#follower?.stop();
    await this.#reporter?.stop();
    // A source that stops appends nothing more that waited in memory.
    this.#sections?.stopRetry();
    await this.#source?.stop();
    await this.#sender?.stop();
    // Now that the counters are what they stay at.
    await this.#reporter?.last();
    await this.parts.opener.stop();
    if (this.#source) noteOpenSection(this.config.agentSpoolDir, this.#sections.disk);
    await this.#sections?.close();
    this.#spoolLock?.release();
  }

  async #openSections(): Promise<void> {
    const { agentSpoolDir: folder, agentSpoolBytes: spoolBytes, agentSpoolHours, agentPendingBytes } = this.config;
    const limits = { spoolBytes, spoolHours: agentSpoolHours, pendingBytes: agentPendingBytes };
    this.#sections = new WaitingSections(folder, limits, this.#clock, this.parts.logger, this.#changed);
    storeMetrics(this.parts.registry, () => this.#sections.counts);
    await this.#sections.open();
  }

  async #startSource(): Promise<void> {
    const { config, parts } = this;
    const { agentSpoolDir: folder, agentId: agent } = config;
    const origin = hostOrigin();
    const { boot, nowMs: bootNowMs } = this.#clock;
    const facts = { agent, boot, bootNowMs, origin, logger: parts.logger };
    const prepared = await prepareSpool(folder, this.#sections.disk, facts);
    const { firstSegment, positions, before, readAtMs, isReadAtLost, refused } = prepared;
    const events = this.#sourceEvents();
    if (refused) events.refused(refused.record.header, refused.record.bytes, refused.error);
    this.#gap = new SocketGap(readAtMs, isReadAtLost);
    // Only now: the section that was left open needs its epoch's key too.
    await this.#sections.forgetKeys();
    const source = parts.createSource(positions);
    this.#account = this.#accountOf(source, before);
    const run: CaptureRun = {
      ...{ agent, epoch: this.#epoch, spoolFolder: folder, firstSegment, boot, ledgerBefore: before },
      ...{ bootTimeOriginMs: this.#bootTimeOriginMs, ...origin },
    };
    await source.start(run, events);
    this.#source = source;
    this.#sections.spool = (section) => source.spool(section);
    noteOpenSection(folder, this.#sections.disk);
    this.#sections.keepsMapped([OPEN_SECTION_FILE, KEPT_TIMES_FILE]);
    ledgerMetrics(parts.registry, () => this.#account.figures());
    for (const trouble of source.troubles) parts.logger.warn(trouble);
    for (const event of this.#early.splice(0)) this.#follow(source, event);
    await this.#changedThere();
  }

  #accountOf(source: PacketSource, before: Readonly<Record<string, string>>): EpochAccount {
    const { opener, interfaces } = this.parts;
    return new EpochAccount(this.config, this.#epoch, before, {
      ...{ opener, interfaces, source, sections: this.#sections, gap: this.#gap },
      ...{ guest: this.#guest, guard: this.#guard, trouble: this.#trouble, orders: this.#orders, own: this.#own },
    });
  }

  #sourceEvents(): SourceEvents {
    const { logger, onFatal } = this.parts;
    return {
      spooled: () => {
        this.#sections.taken();
        this.#sender?.wake();
      },
      refused: (header, bytes, error) => {
        this.#sections.refused(header, bytes, error);
        this.#sender?.wake();
      },
      stepped: (filter, step) => {
        // Not as a word of its own, which would be another cause: of what goes to and fro within a minute the log tells the first, and the last.
        logger.warn({ filter, budget: { step } }, 'the filter keeps another part of its packets, by its budget');
        this.#changed();
      },
      ended: (facts) => logger.info(facts, 'the replay is over, the agent goes on until it is stopped'),
      fatal: onFatal,
    };
  }

  /** Sockets may come before there is a source. */
  #hear(event: OpenerEvent): void {
    if (event.kind === 'changed') void this.#changedThere();
    else if (this.#source) this.#follow(this.#source, event);
    else this.#early.push(event);
  }

  /** What the opener has says something else now: also the log and `/metrics`, whoever is away. */
  async #changedThere(): Promise<void> {
    this.#changed();
    if (this.#source === undefined) return;
    try {
      this.#outcomes.changed(await this.#account.look());
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.parts.onFatal(error);
    }
  }

  #follow(source: PacketSource, event: OpenerEvent): void {
    if (event.kind === 'socket') this.#gap.found(event.socket);
    source.follow(event);
  }

  #makeSender(): Sender {
    const { config, parts } = this;
    return new Sender(
      {
        topic: packetsTopic(config.topicPrefix),
        sendTimeoutMs: SEND_TIMEOUT_MS,
        keyOf: (epoch) => this.#sections.keyOf(epoch),
        clock: this.#clock,
        onUnsigned: (header) => this.#sections.unsigned(header),
        onDone: () => this.#sections.forgetKeys(),
      },
      [this.#sections.disk, this.#sections.memory],
      // Else it would capture what it sends, and send that.
      new HeldProducer(parts.bus.producer(), this.#own.areLeftOut),
      senderMetrics(parts.registry),
      parts.logger,
      parts.onFatal,
    );
  }

  #enrolmentBy(client: AgentClient): Enrolment {
    const { config, parts } = this;
    return new Enrolment({
      client: client.anonymous,
      token: config.enrolmentToken,
      labels: config.agentLabels,
      opener: parts.opener,
      logger: parts.logger,
      signal: this.#stopping.signal,
      trouble: this.#trouble,
    });
  }

  #makeFollower(client: AgentClient, registered: Promise<void>): DesiredFollower {
    const { logger, onFatal } = this.parts;
    const kept = this.#orders;
    const desire = (claimed: ClaimedState, taken: TakenBundles) => this.#desire(claimed, taken);
    const challenge = () => this.parts.opener.challenge();
    const trouble = this.#trouble;
    return new DesiredFollower({ client, kept, logger, trouble, registered, desire, challenge, onFatal });
  }

  #desire(claimed: ClaimedState, taken: TakenBundles): Promise<void> {
    const endpoints = [...claimed.state.excluded, parseEndpoint(this.config.server)];
    return this.#own.leaveOut(endpoints, (excluded) => this.#carryOut(claimed, taken, excluded));
  }

  async #repeat(): Promise<void> {
    await this.#follower?.repeat().catch(this.parts.onFatal);
  }

  async #carryOut(
    { envelope }: ClaimedState,
    taken: TakenBundles,
    excluded: readonly ExcludedEndpoint[],
  ): Promise<void> {
    const { parts } = this;
    const answer = await parts.opener.desire({ state: envelope, ...taken, excluded });
    const isNew = this.#account.carriedOut(answer);
    await this.#source?.apply(answer, excluded);
    if (this.#gap.carriedOut())
      for (const { code, message } of gapErrors(this.#gap.lost)) parts.logger.error({ code }, message);
    parts.onCarriedOut?.();
    if (isNew) this.#outcomes.carriedOut(answer.outcomes);
    this.#budgets.keepTo(answer.settings.budgets);
    if (this.#reporter) this.#reporter.intervalMs = answer.settings.reportIntervalMs;
    this.#changed();
  }
}
