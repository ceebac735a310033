import { type ApiClient, DsseEnvelope, type Labels } from '@bpfleet/contract';
import { hasCode } from '@bpfleet/errors';
import type { Logger } from 'pino';
import type { OpenerPort } from '../border/opener-port.js';
import type { ControlTrouble } from './control-trouble.js';
import { enrol } from './enrol.js';

export interface EnrolmentParts {
  readonly client: ApiClient;
  readonly token: string;
  readonly labels: Labels;
  readonly opener: Pick<OpenerPort, 'enrolment' | 'pin'>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly trouble: ControlTrouble;
}

/** Makes the agent known to its filter-manager, and that one's keys to the opener. */
export class Enrolment {
  constructor(private readonly parts: EnrolmentParts) {}

  /** Resolves when the agent is enrolled; until then what runs is what was desired before. Never rejects: faults are fatal. */
  async first(onFatal: (error: unknown) => void): Promise<void> {
    try {
      await this.enrol();
      if (!this.parts.signal.aborted) return;
    } catch (error) {
      onFatal(error);
    }
    await new Promise(() => {});
  }

  /**
   * Resolves when the filter-manager knows the agent, or the agent stops. One whose keys the agent does not trust is told of
   * that in its own status: what runs keeps running, and nothing of it is followed.
   * @throws BpfleetError when the opener has ended
   */
  async enrol(): Promise<void> {
    const { client, token, labels, opener, logger, signal, trouble } = this.parts;
    const enrolment = DsseEnvelope.parse(await opener.enrolment(labels));
    const enrolled = await enrol({ client, token, enrolment, logger, signal, onRefused: (err) => trouble.met(err) });
    if (!enrolled) return;
    // A refusal before is over; strange keys are told of next.
    trouble.over();
    await this.#pin(enrolled.keys);
  }

  async #pin(keys: readonly string[]): Promise<void> {
    const { opener, logger, trouble } = this.parts;
    try {
      await opener.pin(keys);
    } catch (err) {
      if (!hasCode(err, 'SIGNATURE_INVALID')) throw err;
      logger.error({ err }, 'this filter-manager is not followed, what runs keeps running');
      trouble.met(err);
    }
  }
}
