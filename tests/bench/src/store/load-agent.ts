import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { BusRecord } from '@bpfleet/bus';
import {
  delegationKind,
  delegationText,
  encodeRecordHeaders,
  keyIdOf,
  type RegistryAgent,
  type Signer,
  sealDocument,
  signSection,
} from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { SectionWriter } from '@bpfleet/section';

/** What an agent sends at once when there is much to send. */
const SECTION_BYTES = 64 * 1024;
export const FILTER = 'web@3';

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** PKCS #8 of an Ed25519 key (RFC 8410), ahead of its 32 bytes. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

class SeededKey implements Signer {
  readonly publicKey: string;
  readonly keyId: string;
  readonly #key: KeyObject;

  constructor(seed: string) {
    const secret = createHash('sha256').update(seed).digest();
    this.#key = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: 'der', type: 'pkcs8' });
    const raw = Buffer.from(createPublicKey(this.#key).export({ format: 'jwk' }).x!, 'base64url');
    this.publicKey = raw.toString('base64');
    this.keyId = keyIdOf(raw, { sha256 });
  }

  sign(message: Uint8Array): Uint8Array {
    return sign(null, message, this.#key);
  }
}

const identity = (id: string): SeededKey => new SeededKey(`identity of ${id}`);

export const agentIds = (count: number): string[] => Array.from({ length: count }, (_, index) => `bench-${index}`);

/** What a filter-manager would tell of it. */
export const inRegistry = (id: string): RegistryAgent => ({
  id,
  labels: {},
  identityKeys: [{ publicKey: identity(id).publicKey }],
});

/** Makes an agent's sections, with the agent's encoder, its headers and its signature. */
export class LoadAgent {
  readonly writer: SectionWriter;
  interfaceId = 0;
  #seq = 0;
  #kept = 0;
  readonly #session: SeededKey;
  readonly #delegation: string;

  constructor(
    private readonly id: string,
    private readonly epoch: number,
  ) {
    this.#session = new SeededKey(`session ${epoch} of ${id}`);
    const delegation = { agent: id, epoch, sessionPublicKey: this.#session.publicKey };
    this.#delegation = delegationText(sealDocument(delegationKind, delegation, [identity(id)]));
    this.writer = new SectionWriter({
      ...{ hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet bench' },
      capacityBytes: SECTION_BYTES,
      ledgerBytes: 256,
    });
    this.begin();
  }

  begin(): void {
    this.writer.begin();
    this.writer.addInterface({ name: 'eth0', linkType: LinkType.EN10MB });
    this.interfaceId = this.writer.addInterface({
      ...{ name: 'eth0', linkType: LinkType.EN10MB, description: FILTER, filter: 'tcp or udp' },
    });
  }

  /** The section as a record, and the next one begun. */
  finish(): BusRecord {
    const { packets, tsMinNs, tsMaxNs } = this.writer;
    this.#kept += packets;
    const value = this.writer.finish({ captured: String(this.#kept), kept: String(this.#kept) }).slice();
    const place = { agent: this.id, epoch: this.epoch, seq: this.#seq++ };
    const signature = signSection(place, value, this.#delegation, this.#session, { sha256 });
    const header = { ...place, tsMinNs, tsMaxNs, packets, filters: [FILTER], crc32: crc32(value), signature };
    this.begin();
    return { key: this.id, value, headers: encodeRecordHeaders(header) };
  }
}
