import type { Enrolment } from '@bpfleet/contract';
import { IdentityStore } from '../identities/identity-store.js';
import { agentHasAnotherKey, keyHasAnotherAgent, keyIsRevoked } from '../identities/refusals.js';
import type { MemoryControl } from './memory-control.js';

export class MemoryIdentityStore extends IdentityStore {
  constructor(private readonly control: MemoryControl) {
    super();
  }

  override async enrol({ agent, identityPublicKey, labels }: Enrolment): Promise<void> {
    const known = this.control.identities.get(identityPublicKey);
    if (known && known.agent !== agent) throw keyHasAnotherAgent(agent, known.agent);
    if (known?.revokedAt) throw keyIsRevoked(agent);
    if (known) return;
    if (this.#keysOf(agent).length > 0) throw agentHasAnotherKey(agent);
    this.control.identities.set(identityPublicKey, { agent, labels });
    if (!this.control.agents.has(agent)) {
      const introduced = { id: agent, labels, generation: 1, lastHeardAt: new Date().toISOString() };
      this.control.agents.set(agent, { agent: introduced, desired: this.control.contentFor(labels) });
    }
    this.control.touchRegistry();
  }

  override async keysOf(agent: string): Promise<readonly string[]> {
    return this.#keysOf(agent);
  }

  override async useToken(agent: string, jti: string): Promise<boolean> {
    const name = `${agent} ${jti}`;
    if (this.control.usedTokens.has(name)) return false;
    this.control.usedTokens.add(name);
    return true;
  }

  #keysOf(agent: string): string[] {
    return [...this.control.identities]
      .filter(([, identity]) => identity.agent === agent && identity.revokedAt === undefined)
      .map(([key]) => key);
  }
}
