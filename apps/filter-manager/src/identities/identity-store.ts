import type { Enrolment } from '@bpfleet/contract';

/** Keeps the identity keys of agents, and which of their tokens were used. */
export abstract class IdentityStore {
  /**
   * Keeps the key as the agent's only one. The same again changes nothing.
   * @throws BpfleetError `IDENTITY_CONFLICT` when the agent has another key, or the key is another agent's;
   *   `ENROLMENT_REFUSED` when the key was revoked
   */
  abstract enrol(enrolment: Enrolment): Promise<void>;
  /** Keys that count now; none when the agent is not enrolled. */
  abstract keysOf(agent: string): Promise<readonly string[]>;
  /** @returns false when it was used before */
  abstract useToken(agent: string, jti: string, expiresAt: Date): Promise<boolean>;
}
