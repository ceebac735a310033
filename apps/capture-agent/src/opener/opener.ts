import { randomInt } from 'node:crypto';
import {
  type DesiredState,
  type DsseEnvelope,
  delegationKind,
  type Endpoint,
  enrolmentKind,
  expiryOf,
  type Labels,
  sealDocument,
} from '@bpfleet/contract';
import { closeDescriptor, optmemMax } from '@bpfleet/linux';
import { nodeCrypto } from '@bpfleet/service';
import type {
  Attested,
  ChallengeAnswer,
  DesireAnswer,
  DesireOrder,
  FilterOutcome,
  InterfaceMembers,
  OpenerEvent,
  OpenerHello,
  OpenerPort,
} from '../border/opener-port.js';
import { Challenge } from './challenge.js';
import { HeldSockets } from './held-sockets.js';
import { Identity } from './identity.js';
import type { LinkContext, PlannedMember } from './kernel-program.js';
import { Linker } from './linker.js';
import { type OwnEndpoints, ownEndpoints } from './own-endpoints.js';
import { type HostInterface, planSockets, type SocketPlan } from './plan.js';
import { type SelfTestResult, selfTest } from './self-test.js';
import { ServiceClock } from './service-clock.js';
import { shareSockets } from './share-sockets.js';
import { faultOfSocket } from './socket-program.js';
import type { PlannedBranch } from './socket-wish.js';
import { statementsOf } from './statements.js';
import { type RefusedEntry, type VerifiedEntry, type VerifiedState, verifyDesired } from './verify-desired.js';
import { plannedMembers, reportedOutcomes } from './without-sockets.js';

export interface OpenerOptions {
  /** Keeps key, epoch and trust; nobody else reads it. */
  readonly folder: string;
  readonly agent: string;
  /** The host's interfaces now, or what a source without sockets has. */
  readonly interfaces: () => readonly HostInterface[];
  readonly mayOpen: (name: string) => boolean;
  readonly matches: (patterns: readonly string[], name: string) => boolean;
  /** False: the source filters by itself (a file, `cap`), no socket is opened. */
  readonly opensSockets: boolean;
  readonly ringBudgetBytes: number;
  /** bpfleet's own, as this host is configured. */
  readonly endpoints: readonly Endpoint[];
  /** Whether the process that reads the rings is kept from changing what they see, as found now. */
  readonly isConfined: () => boolean;
  /** Why that process has the rights of root, and what to do, for people. */
  readonly asRoot?: string | undefined;
  readonly logger: { error(facts: object, text: string): void; info(text: string): void };
  readonly onFatal: (error: unknown) => void;
  /** A state or other interfaces have been carried out: work that makes much garbage. */
  readonly onCarriedOut?: () => void;
}

/** More than a status shows, and no more than a message to the agent has room for. */
const MAX_OUTCOMES = 12_000;
const RESCAN_INTERVAL_MS = 1000;
const CHECK_INTERVAL_MS = 30_000;
/** Without confinement another program could be attached by the process that reads the rings. */
const UNCONFINED_CHECK_INTERVAL_MS = 1000;
const SAVE_TIME_INTERVAL_MS = 60_000;
/** What the disk did not take is tried again. */
const KEEP_REFUSED_INTERVAL_MS = 5_000;

/** Decides what runs in this host's kernel, by signed word alone (docs/30-capture-agent.md). */
export class Opener implements OpenerPort {
  #identity!: Identity;
  #clock!: ServiceClock;
  readonly #challenge = new Challenge();
  #sockets!: HeldSockets;
  #onEvent: (event: OpenerEvent) => void = () => {};
  /** A reader that says hello is told of all sockets then: not of changes before. */
  #isGreeting = false;
  readonly #linker = new Linker();
  #verified: { readonly desired: VerifiedState; readonly own: OwnEndpoints } | undefined;
  #epoch = 0;
  /** That was attested with last. */
  #nonce: string | undefined;
  #fingerprint = '';
  #checkedAtMs = 0;
  #plan: SocketPlan = { sockets: [], refused: [] };
  readonly #selfTests = new Map<string, SelfTestResult>();
  #optmemBytes: number | undefined;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(private readonly options: OpenerOptions) {}

  get isConfined(): boolean {
    return this.options.isConfined();
  }

  async start(onEvent: (event: OpenerEvent) => void): Promise<void> {
    const { folder, agent, ringBudgetBytes, logger } = this.options;
    this.#onEvent = onEvent;
    this.#identity = await Identity.open(folder, agent, (trouble) => this.#isKept(trouble));
    this.#clock = new ServiceClock(this.#identity.serviceTimeNowMs);
    // Where another opener began is far away; 32 bits travel with a descriptor.
    const firstId = randomInt(1, 2 ** 31);
    const parts = { linker: this.#linker, logger, emit: (event: OpenerEvent) => this.#emit(event) };
    this.#sockets = new HeldSockets(ringBudgetBytes, parts, firstId);
    this.#every(RESCAN_INTERVAL_MS, () => this.#rescan());
    this.#every(UNCONFINED_CHECK_INTERVAL_MS, () => this.#checkIfDue());
    this.#every(SAVE_TIME_INTERVAL_MS, () => this.#saveTime());
    this.#every(KEEP_REFUSED_INTERVAL_MS, () => void this.#identity.keepRefused());
  }

  async hello(sessionPublicKey: string): Promise<OpenerHello> {
    this.#isGreeting = true;
    try {
      this.#epoch = await this.#identity.nextEpoch(Date.now());
    } finally {
      this.#isGreeting = false;
    }
    const { agent } = this.options;
    const epoch = this.#epoch;
    const delegation = sealDocument(delegationKind, { agent, epoch, sessionPublicKey }, [this.#identity.key]);
    this.#sockets.announce();
    return { agent, epoch, delegation, identityPublicKey: this.#identity.key.publicKey };
  }

  async enrolment(labels: Labels): Promise<DsseEnvelope> {
    const { key } = this.#identity;
    const document = { agent: this.options.agent, identityPublicKey: key.publicKey, labels };
    return sealDocument(enrolmentKind, document, [key]);
  }

  pin(keys: readonly string[]): Promise<void> {
    return this.#identity.pin(keys);
  }

  async desire(order: DesireOrder): Promise<DesireAnswer> {
    const { trust, generation } = this.#identity;
    const context = { agent: this.options.agent, trust, generation, crypto: nodeCrypto };
    const desired = verifyDesired(order, context, this.#verified?.desired.entries);
    this.#tellTime(desired.state);
    await this.#identity.accepted(desired.state.generation, desired.trust, this.#clock.timeMs);
    const own = ownEndpoints(order.excluded, [...desired.state.excluded, ...this.options.endpoints]);
    this.#verified = { desired, own };
    this.#carryOut();
    const { settings } = desired.state;
    return {
      generation: desired.state.generation,
      settings,
      members: this.#membersWithoutSockets(),
      outcomes: this.#outcomes().slice(0, MAX_OUTCOMES),
    };
  }

  async challenge(): Promise<ChallengeAnswer> {
    const isUrgent = this.#expired(this.#verified?.desired.entries ?? []).size > 0;
    return { nonce: this.#challenge.next(), wantsState: this.#challenge.wantsAnswer(isUrgent) };
  }

  async cut(socket: number, swap: number): Promise<void> {
    this.#sockets.cut(socket, swap);
    this.#emit({ kind: 'changed' });
  }

  async drained(socket: number): Promise<void> {
    if (this.#sockets.drained(socket)) this.#emit({ kind: 'changed' });
  }

  async attest(nonce?: string): Promise<Attested> {
    // The filter-manager gives another one with each status that it takes.
    if (nonce !== undefined && nonce !== this.#nonce) this.#sockets.acknowledged();
    this.#nonce = nonce ?? this.#nonce;
    this.#sockets.check();
    const { trouble, generation, key } = this.#identity;
    const known = {
      generation: Math.max(0, generation),
      outcomes: this.#outcomes().slice(0, MAX_OUTCOMES),
      troubles: trouble === undefined ? [] : [trouble],
      notExcluded: this.#verified?.own.trouble,
      asRoot: this.options.asRoot,
    };
    if (nonce === undefined) return { ...known, statements: [] };
    this.#sockets.told();
    const about = { agent: this.options.agent, epoch: this.#epoch, generation, nonce };
    return { ...known, statements: statementsOf(this.#sockets.running, about, key) };
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#identity) this.#saveTime();
    await this.#identity?.settled();
    this.#sockets?.close();
  }

  /** Only of a state that was accepted: an older one says nothing. */
  #tellTime({ issuedAt, nonce }: DesiredState): void {
    const timeMs = Date.parse(issuedAt);
    if (this.#challenge.isAnsweredBy(nonce)) this.#clock.set(timeMs);
    else this.#clock.heard(timeMs);
  }

  #emit(event: OpenerEvent): void {
    if (!this.#isGreeting) this.#onEvent(event);
    else if (event.kind === 'socket') closeDescriptor(event.fd);
  }

  #every(intervalMs: number, action: () => void): void {
    const guarded = (): void => {
      try {
        action();
      } catch (error) {
        this.options.onFatal(error);
      }
    };
    this.#timers.push(setInterval(guarded, intervalMs).unref());
  }

  #carryOut(): void {
    if (this.#verified === undefined) return;
    this.options.onCarriedOut?.();
    const { desired, own } = this.#verified;
    const { interfaces, mayOpen, matches, opensSockets } = this.options;
    const { linkerVersion } = desired.state;
    this.#fingerprint = this.#whatDecides();
    const expired = this.#expired(desired.entries);
    const entries = desired.entries.filter((entry) => !expired.has(entry));
    const refused = [...desired.refused, ...expired.values()];
    this.#forgetSelfTests(entries);
    this.#plan = planSockets({
      ...{ entries, refused, interfaces: interfaces(), mayOpen, matches },
      ...{ excluded: own.excluded, linkerVersion },
      selfTestOf: (entry, linkType) => this.#selfTestOf(entry, linkType),
      ...(opensSockets ? { faultOf: this.#faults() } : {}),
    });
    if (!opensSockets) return;
    const areShared = this.#sockets.running.some(({ wish }) => wish.isShared);
    const faultOf = (branches: readonly PlannedBranch[]) => faultOfSocket({ isShared: true, branches }, this.#linker);
    const sockets = shareSockets(this.#plan.sockets, { areShared, faultOf });
    this.#sockets.reconcile({ sockets, refused: this.#plan.refused });
  }

  /** Tried once for all interfaces of a kind. */
  #faults(): (members: readonly PlannedMember[], context: LinkContext) => string | undefined {
    const known = new Map<string, string | undefined>();
    return (members, context) => {
      const key = [context.linkType, ...members.map(({ captured }) => captured.digest)].join(' ');
      if (!known.has(key)) known.set(key, this.#linker.fault(members, context));
      return known.get(key);
    };
  }

  /** Of bundles that are not wanted any more; all, where programs may have other memory now. */
  #forgetSelfTests(entries: readonly VerifiedEntry[]): void {
    const optmemBytes = optmemMax();
    if (optmemBytes !== this.#optmemBytes) this.#selfTests.clear();
    this.#optmemBytes = optmemBytes;
    const digests = new Set(entries.map(({ digest }) => digest));
    for (const key of this.#selfTests.keys()) if (!digests.has(key.split(' ')[0]!)) this.#selfTests.delete(key);
  }

  #expired(entries: readonly VerifiedEntry[]): Map<VerifiedEntry, RefusedEntry> {
    const { timeMs } = this.#clock;
    return new Map(
      entries.flatMap((entry) => {
        const error = expiryOf(entry, timeMs);
        const { digest, interfaces, bundle: named } = entry;
        return error ? [[entry, { digest, interfaces, named, error }]] : [];
      }),
    );
  }

  /** Once per bundle and link type: bundles never change. */
  #selfTestOf({ digest, bundle }: VerifiedEntry, linkType: string): SelfTestResult {
    const key = `${digest} ${linkType}`;
    const known = this.#selfTests.get(key);
    if (known) return known;
    const result = selfTest(
      bundle.programs.find((program) => program.linkType === linkType && program.form === 'live')!,
    );
    this.#selfTests.set(key, result);
    return result;
  }

  /** Interfaces come and go, entries end, and somebody may raise what keeps programs from running. */
  #whatDecides(): string {
    const expired = [...this.#expired(this.#verified?.desired.entries ?? []).keys()].map(({ digest }) => digest);
    return JSON.stringify([this.options.interfaces(), expired, optmemMax()]);
  }

  #rescan(): void {
    if (this.#verified === undefined) return;
    if (this.#sockets.checkBound() && this.#whatDecides() === this.#fingerprint) return;
    this.#carryOut();
    if (!this.options.opensSockets) this.#emit({ kind: 'members', members: this.#membersWithoutSockets() });
    this.#emit({ kind: 'changed' });
  }

  /** With sockets, their events name the members; here they would be as many again for each interface. */
  #membersWithoutSockets(): InterfaceMembers[] {
    return this.options.opensSockets ? [] : plannedMembers(this.#plan);
  }

  #checkIfDue(): void {
    const intervalMs = this.isConfined ? CHECK_INTERVAL_MS : UNCONFINED_CHECK_INTERVAL_MS;
    const nowMs = performance.now();
    // The timer itself is never exactly on time.
    if (nowMs - this.#checkedAtMs < intervalMs - UNCONFINED_CHECK_INTERVAL_MS / 2) return;
    this.#checkedAtMs = nowMs;
    if (!this.#sockets.check()) this.#emit({ kind: 'changed' });
  }

  #saveTime(): void {
    if (this.#clock.timeMs !== 0) void this.#identity.keepServiceTime(this.#clock.timeMs);
  }

  #isKept(trouble: string | undefined): void {
    if (trouble === undefined) this.options.logger.info('the identity is kept on disk again');
    else this.options.logger.error({ code: 'DATA_NOT_WRITABLE', trouble }, 'the identity is not kept on disk');
    this.#emit({ kind: 'changed' });
  }

  #outcomes(): FilterOutcome[] {
    return this.options.opensSockets ? this.#sockets.outcomes() : reportedOutcomes(this.#plan);
  }
}
