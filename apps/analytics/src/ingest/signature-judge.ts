import { setTimeout as delay } from 'node:timers/promises';
import { type Delegation, isSectionSignature, openDelegation, type SectionHeader } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { nodeCrypto } from '@bpfleet/service';
import type { IdentityKeyTable } from '../registry/identity-keys.js';
import type { PoisonRecord } from './verify-record.js';

/** What is known of the agents' keys, and how to learn more; `RegistryKeeper` implements it. */
export interface KnownKeys {
  readonly keys: IdentityKeyTable;
  /** @returns whether there was an answer */
  refresh(): Promise<boolean>;
}

export interface JudgeOptions {
  /** False: what nobody signed is taken, too. */
  readonly requireSignatures: boolean;
  /** How long records of an agent that nobody knows wait for a filter-manager that is away. */
  readonly patienceMs: number;
  readonly retryMs: number;
  /** Of a clock that nobody sets: waiting must end also where the time of day is set back. */
  readonly uptimeMs: () => number;
}

/** A record that its session key signed, or that nobody had to sign. */
export interface Vouched {
  readonly sessionKey: string | undefined;
}

/** A delegation that an identity key signed: that never changes. Whether the key counts is the registry's to say. */
interface Delegated extends Delegation {
  readonly identityKey: string;
}

const MAX_KEPT_DELEGATIONS = 10_000;
const MAX_KEPT_GIVEN_UP = 10_000;
/** After so long in vain the next record of the agent waits again. */
const GIVEN_UP_MS = 60_000;

/** Decides whose section a record is, before anything of it is read or remembered. */
export class SignatureJudge {
  /** By the delegation's text and the agent. */
  readonly #delegations = new Map<string, Delegated>();
  /** Agents whose keys could not be asked for, until when. */
  readonly #givenUp = new Map<string, number>();

  constructor(
    private readonly known: KnownKeys,
    private readonly options: JudgeOptions,
  ) {}

  /**
   * Asks for keys that are not known before they are judged: an agent may have enrolled a moment ago. A record that nobody
   * vouches for after that has no known key.
   */
  async prepare(headers: readonly SectionHeader[], signal: AbortSignal): Promise<void> {
    const unknown = headers.filter((header) => this.#isUnknown(header));
    if (unknown.length === 0) return;
    const { patienceMs, retryMs, uptimeMs } = this.options;
    const untilMs = uptimeMs() + patienceMs;
    while (!(await this.known.refresh()) && !signal.aborted) {
      if (uptimeMs() >= untilMs) return this.#giveUp(unknown);
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Says who signed the value, or why it is not taken. */
  judge(header: SectionHeader, value: Uint8Array): Vouched | PoisonRecord {
    const { signature, agent, epoch } = header;
    if (signature === undefined) {
      if (!this.options.requireSignatures) return { sessionKey: undefined };
      return { reason: 'bad-signature', detail: 'nobody signed it' };
    }
    const delegated = this.#delegated(agent, signature.key);
    if (delegated === undefined) {
      return { reason: 'unknown-key', detail: `no identity key of ${agent} vouches for its session key` };
    }
    if (this.known.keys.of(agent).revoked.includes(delegated.identityKey)) {
      return { reason: 'revoked-key', detail: `the identity key of ${agent} was revoked` };
    }
    if (delegated.epoch !== epoch) {
      return { reason: 'bad-signature', detail: `its session key is of epoch ${delegated.epoch}` };
    }
    const { sessionPublicKey } = delegated;
    if (!isSectionSignature(signature.sig, header, value, sessionPublicKey, nodeCrypto)) {
      return { reason: 'bad-signature', detail: 'its session key has signed something else' };
    }
    return { sessionKey: sessionPublicKey };
  }

  #isUnknown({ agent, signature }: SectionHeader): boolean {
    if (signature === undefined || this.#delegated(agent, signature.key) !== undefined) return false;
    return (this.#givenUp.get(agent) ?? 0) <= this.options.uptimeMs();
  }

  #giveUp(headers: readonly SectionHeader[]): void {
    if (this.#givenUp.size > MAX_KEPT_GIVEN_UP) this.#givenUp.clear();
    for (const { agent } of headers) this.#givenUp.set(agent, this.options.uptimeMs() + GIVEN_UP_MS);
  }

  /** By a key that the registry names, revoked ones included. */
  #delegated(agent: string, text: string): Delegated | undefined {
    const { current, revoked } = this.known.keys.of(agent);
    const name = `${agent} ${text}`;
    const kept = this.#delegations.get(name);
    if (kept && (current.includes(kept.identityKey) || revoked.includes(kept.identityKey))) return kept;
    for (const identityKey of [...current, ...revoked]) {
      const delegation = delegationBy(identityKey, agent, text);
      if (delegation === undefined) continue;
      const delegated = { ...delegation, identityKey };
      if (this.#delegations.size >= MAX_KEPT_DELEGATIONS) {
        this.#delegations.delete(this.#delegations.keys().next().value!);
      }
      this.#delegations.set(name, delegated);
      return delegated;
    }
    return undefined;
  }
}

function delegationBy(identityKey: string, agent: string, text: string): Delegation | undefined {
  try {
    return openDelegation(text, agent, { keys: [identityKey], crypto: nodeCrypto });
  } catch (error) {
    if (error instanceof BpfleetError) return undefined;
    throw error;
  }
}
