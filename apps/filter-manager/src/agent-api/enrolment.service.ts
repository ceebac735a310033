import { createHash, timingSafeEqual } from 'node:crypto';
import { type Enrolled, type Enrolment, type EnrolRequest, openEnrolment } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { nodeCrypto } from '@bpfleet/service';
import { Injectable } from '@nestjs/common';
import { IdentityStore } from '../identities/identity-store.js';
import { SigningKeys } from '../signing/signing-keys.js';

/** The secret that agents enrol with. */
export abstract class EnrolmentToken {
  /** Undefined: whoever reaches the service may enrol. */
  abstract readonly value: string | undefined;
}

/** Makes an agent known by its key, for good. */
@Injectable()
export class EnrolmentService {
  constructor(
    private readonly identities: IdentityStore,
    private readonly keys: SigningKeys,
    private readonly token: EnrolmentToken,
  ) {}

  /** @throws BpfleetError `ENROLMENT_REFUSED`, `SIGNATURE_INVALID`, `DOCUMENT_INVALID`, `IDENTITY_CONFLICT` */
  async enrol({ token, enrolment }: EnrolRequest): Promise<Enrolled> {
    const opened = openEnrolment(enrolment, nodeCrypto);
    if (!(await this.#mayEnrol(opened, token))) {
      throw new BpfleetError('ENROLMENT_REFUSED', 'the enrolment token is not the one of this fleet', {
        hint: 'give the agent the same BPFLEET_ENROLMENT_TOKEN (or …_FILE) as the filter-manager',
      });
    }
    // Before anything is kept: an agent that is enrolled and knows no key would follow nobody.
    const trusted = this.keys.publicKeys;
    await this.identities.enrol(opened);
    return { agent: opened.agent, keys: trusted, serverTime: new Date().toISOString() };
  }

  /** Who is enrolled already says it again at each start: the secret may be another one by then. */
  async #mayEnrol({ agent, identityPublicKey }: Enrolment, token: string): Promise<boolean> {
    if (this.token.value === undefined || isSame(token, this.token.value)) return true;
    return (await this.identities.keysOf(agent)).includes(identityPublicKey);
  }
}

/** Takes as long whatever the texts are. */
function isSame(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
