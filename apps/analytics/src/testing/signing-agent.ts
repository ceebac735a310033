import {
  delegationKind,
  delegationText,
  type Registry,
  type SectionHeader,
  sealDocument,
  signSection,
} from '@bpfleet/contract';
import { nodeCrypto, PrivateKey } from '@bpfleet/service';
import { makeSection, type SectionShape, type TestSection } from './sections.js';

/** An agent that signs its sections. */
export class SigningAgent {
  readonly identity = PrivateKey.generate();
  readonly #sessions = new Map<number, PrivateKey>();

  constructor(readonly id: string) {}

  /** The same identity in another process: it has session keys of its own. */
  copy(): SigningAgent {
    return Object.assign(new SigningAgent(this.id), { identity: this.identity });
  }

  section(shape: Omit<SectionShape, 'agent' | 'filter'> & { readonly filter?: string }): TestSection {
    const section = makeSection({ filter: 'web@3', ...shape, agent: this.id });
    return { ...section, header: this.sign(section.header, section.value) };
  }

  /** @param delegatedEpoch for which the identity key vouches for the session key */
  sign(header: SectionHeader, value: Uint8Array, delegatedEpoch = header.epoch): SectionHeader {
    const session = this.#session(header.epoch);
    const delegation = { agent: this.id, epoch: delegatedEpoch, sessionPublicKey: session.publicKey };
    const text = delegationText(sealDocument(delegationKind, delegation, [this.identity]));
    return { ...header, signature: signSection(header, value, text, session, nodeCrypto) };
  }

  sessionKey(epoch: number): string {
    return this.#session(epoch).publicKey;
  }

  inRegistry(revokedAt?: string): Registry['agents'][number] {
    const key = { publicKey: this.identity.publicKey, ...(revokedAt === undefined ? {} : { revokedAt }) };
    return { id: this.id, labels: {}, identityKeys: [key] };
  }

  #session(epoch: number): PrivateKey {
    const known = this.#sessions.get(epoch);
    if (known) return known;
    const made = PrivateKey.generate();
    this.#sessions.set(epoch, made);
    return made;
  }
}
