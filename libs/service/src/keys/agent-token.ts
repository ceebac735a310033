import { randomUUID } from 'node:crypto';
import {
  AGENT_TOKEN_AUDIENCE,
  AGENT_TOKEN_SECONDS,
  AgentTokenClaims,
  CLOCK_TOLERANCE_SECONDS,
} from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { decodeJwt, errors, jwtVerify, SignJWT } from 'jose';
import { keyObjectOf } from './node-crypto.js';
import type { PrivateKey } from './private-key.js';

const ALGORITHM = 'EdDSA';

/** A token for one call of an agent, by its session key. */
export function signAgentToken(agent: string, nowMs: number, sessionKey: PrivateKey): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setSubject(agent)
    .setAudience(AGENT_TOKEN_AUDIENCE)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + AGENT_TOKEN_SECONDS)
    .setJti(randomUUID())
    .sign(sessionKey.keyObject);
}

/**
 * Whose token it claims to be: not verified.
 * @throws BpfleetError `UNAUTHENTICATED`
 */
export function claimedAgent(token: string): string {
  try {
    return AgentTokenClaims.shape.sub.parse(decodeJwt(token).sub);
  } catch (cause) {
    throw refused('it is no token of an agent', cause);
  }
}

/**
 * Verifies a token for a call that came now. That its `jti` is new is for the caller to see to.
 * @throws BpfleetError `UNAUTHENTICATED`; `CLOCK_SKEW` when the signature holds and the agent's clock is off
 */
export async function verifyAgentToken(
  token: string,
  sessionPublicKey: string,
  nowMs: number,
): Promise<AgentTokenClaims> {
  const claims = await verifiedClaims(token, sessionPublicKey);
  const now = Math.floor(nowMs / 1000);
  if (claims.exp - claims.iat > AGENT_TOKEN_SECONDS || claims.exp <= claims.iat) {
    throw refused(`it is valid for ${claims.exp - claims.iat} s, at most ${AGENT_TOKEN_SECONDS} s are taken`);
  }
  if (claims.iat > now + CLOCK_TOLERANCE_SECONDS || claims.exp < now - CLOCK_TOLERANCE_SECONDS) {
    const seconds = claims.iat - now;
    throw new BpfleetError(
      'CLOCK_SKEW',
      `the agent's clock is off by about ${Math.abs(seconds)} s: it is ${new Date(nowMs).toISOString()} here`,
      { hint: 'the agent goes by the time in this answer and calls again' },
    );
  }
  return claims;
}

async function verifiedClaims(token: string, sessionPublicKey: string): Promise<AgentTokenClaims> {
  try {
    const { payload } = await jwtVerify(token, keyObjectOf(sessionPublicKey), {
      algorithms: [ALGORITHM],
      typ: 'JWT',
      audience: AGENT_TOKEN_AUDIENCE,
      // Its times are judged by us: by jose's own clock an agent that is slow could not be told so.
      currentDate: issuedAt(token),
    });
    return AgentTokenClaims.parse(payload);
  } catch (cause) {
    throw refused(cause instanceof errors.JOSEError ? cause.message : 'it is not readable', cause);
  }
}

const issuedAt = (token: string): Date => new Date((decodeJwt(token).iat ?? 0) * 1000);

const refused = (why: string, cause?: unknown): BpfleetError =>
  new BpfleetError('UNAUTHENTICATED', `the token is not taken: ${why}`, { cause });
