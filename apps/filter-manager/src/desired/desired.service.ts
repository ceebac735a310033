import {
  bundleKind,
  type DesiredState,
  type DsseEnvelope,
  type DsseSignature,
  desiredStateKind,
  sealDocument,
  signPayload,
} from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { Injectable } from '@nestjs/common';
import { AgentStore, type StoredDesired } from '../agents/agent-store.js';
import { FilterStore } from '../filters/filter-store.js';
import { LongPolls } from '../long-poll/long-polls.js';
import { SigningKeys } from '../signing/signing-keys.js';

export interface DesiredRequest {
  readonly agent: string;
  /** The generation that the caller has. */
  readonly known: number | undefined;
  readonly waitMs: number;
  /** For the state that answers. */
  readonly nonce: string | undefined;
  /** The caller hung up. */
  readonly signal: AbortSignal;
}

export interface DesiredAnswer {
  readonly generation: number;
  readonly envelope: DsseEnvelope;
}

/** Signatures take the bundle's bytes; many agents run the same ones. */
const MAX_KEPT_SIGNATURES = 10_000;

/** Answers what an agent should run, signed, at once or as soon as it changes. */
@Injectable()
export class DesiredService {
  /** By digest and keys. */
  readonly #signatures = new Map<string, DsseSignature[]>();

  constructor(
    private readonly store: AgentStore,
    private readonly filters: FilterStore,
    private readonly keys: SigningKeys,
    private readonly polls: LongPolls,
  ) {}

  /** @returns undefined when nothing but the known generation was there all the time */
  desired({ agent, known, waitMs, nonce, signal }: DesiredRequest): Promise<DesiredAnswer | undefined> {
    return this.polls.answer({ topic: agent, waitMs, signal }, async () => {
      const stored = await this.store.desired(agent);
      // The clock was set forward, and the next generation is about to come: what runs keeps running until then.
      const isOver = stored.notAfter !== undefined && Date.parse(stored.notAfter) <= Date.now();
      return stored.generation === known || (isOver && known !== undefined)
        ? undefined
        : this.#signed(agent, stored, nonce);
    });
  }

  async #signed(agent: string, stored: StoredDesired, nonce: string | undefined): Promise<DesiredAnswer> {
    const { generation, settings, excluded, linkerVersion, keys, revokedKeys, notAfter } = stored;
    if (keys.length === 0) throw new BpfleetError('STORE_UNAVAILABLE', 'the settings of the fleet are not stored yet');
    const entries: DesiredState['entries'] = [];
    for (const { digest, interfaces } of stored.entries) {
      const signatures = await this.#signaturesOf(digest);
      entries.push({
        digest,
        signatures,
        interfaces: [...interfaces],
        ...(notAfter === undefined ? {} : { notAfter }),
      });
    }
    const state: DesiredState = {
      agent,
      generation,
      issuedAt: new Date().toISOString(),
      ...(nonce === undefined ? {} : { nonce }),
      entries,
      settings: { ...settings },
      excluded: [...excluded],
      linkerVersion,
      keys: [...keys],
      revokedKeys: [...revokedKeys],
    };
    return { generation, envelope: sealDocument(desiredStateKind, state, this.keys.signers) };
  }

  async #signaturesOf(digest: string): Promise<DsseSignature[]> {
    const { signers } = this.keys;
    const name = [digest, ...signers.map(({ keyId }) => keyId)].join(' ');
    const known = this.#signatures.get(name);
    if (known) return known;
    const made = signPayload(bundleKind.payloadType, await this.filters.bundle(digest), signers);
    if (this.#signatures.size >= MAX_KEPT_SIGNATURES) this.#signatures.delete(this.#signatures.keys().next().value!);
    this.#signatures.set(name, made);
    return made;
  }
}
