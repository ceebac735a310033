import { DELEGATION_HEADER, type Delegation, openDelegation, SERVER_TIME_HEADER } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { claimedAgent, nodeCrypto, verifyAgentToken } from '@bpfleet/service';
import { Injectable } from '@nestjs/common';
import { IdentityStore } from '../identities/identity-store.js';
import { FilterManagerMetrics } from '../metrics.js';

/** What is read of a call, and where the time is told. */
export interface AgentCall {
  header(name: string): string | undefined;
  readonly reply: { header(name: string, value: string): void };
}

/** Which agent calls, and in which epoch. */
export interface Caller extends Pick<Delegation, 'agent' | 'epoch'> {
  /** Its identity keys. */
  readonly keys: readonly string[];
}

const MS_PER_S = 1000;
/** A token is remembered longer than it can be taken. */
const REMEMBER_MS = 120_000;

/**
 * Finds out which agent calls: its identity key vouches for a session key, and that one for the call. No answer depends
 * on what the caller says of itself alone.
 */
@Injectable()
export class AgentAuthenticator {
  constructor(
    private readonly identities: IdentityStore,
    private readonly metrics: FilterManagerMetrics,
  ) {}

  /** @throws BpfleetError `UNAUTHENTICATED`, `NOT_ENROLLED`, `CLOCK_SKEW` */
  async authenticate(call: AgentCall): Promise<Caller> {
    const nowMs = Date.now();
    call.reply.header(SERVER_TIME_HEADER, new Date(nowMs).toISOString());
    try {
      return await this.#callerOf(call, nowMs);
    } catch (error) {
      if (error instanceof BpfleetError) this.metrics.refusedCalls.inc({ code: error.code });
      throw error;
    }
  }

  async #callerOf(call: AgentCall, nowMs: number): Promise<Caller> {
    const token = /^Bearer (\S+)$/.exec(call.header('authorization') ?? '')?.[1];
    const delegation = call.header(DELEGATION_HEADER);
    if (token === undefined || delegation === undefined) {
      throw new BpfleetError('UNAUTHENTICATED', 'a call of an agent has a token and the delegation of its session key');
    }
    const agent = claimedAgent(token);
    const keys = await this.identities.keysOf(agent);
    if (keys.length === 0) throw new BpfleetError('NOT_ENROLLED', `agent ${agent} is not enrolled here`);
    const { epoch, sessionPublicKey } = delegated(delegation, agent, keys);
    const { jti, exp } = await verifyAgentToken(token, sessionPublicKey, nowMs);
    const until = new Date(Math.max(exp * MS_PER_S, nowMs) + REMEMBER_MS);
    if (await this.identities.useToken(agent, jti, until)) return { agent, epoch, keys };
    throw new BpfleetError('UNAUTHENTICATED', 'this token was used before');
  }
}

function delegated(text: string, agent: string, keys: readonly string[]): Delegation {
  try {
    return openDelegation(text, agent, { keys, crypto: nodeCrypto });
  } catch (cause) {
    const { message } = cause as Error;
    throw new BpfleetError('UNAUTHENTICATED', `the session key is not vouched for: ${message}`, { cause });
  }
}
