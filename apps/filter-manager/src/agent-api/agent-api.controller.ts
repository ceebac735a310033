import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import {
  agentApi,
  type DsseEnvelope,
  type Enrolled,
  parseDurationMs,
  SERVER_TIME_HEADER,
  type StatusAccepted,
} from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller, Res } from '@nestjs/common';
import { AgentStore } from '../agents/agent-store.js';
import { StatementVerifier } from '../attestation/statement-verifier.js';
import { DesiredService } from '../desired/desired.service.js';
import { FilterStore } from '../filters/filter-store.js';
import { numberedTag } from '../long-poll/long-polls.js';
import { FilterManagerMetrics } from '../metrics.js';
import { AgentAuthenticator } from './agent-authenticator.js';
import { EnrolmentService } from './enrolment.service.js';

const authorization = {
  Authorization: '`Bearer` and a token by the session key (EdDSA, 60 s at most, used once)',
  'bpfleet-delegation': "the identity key's word for the session key: a DSSE envelope as JSON",
};

/** What agents call. Agents are newer or older than this service: fields it does not know are none of its business. */
@Controller()
export class AgentApiController {
  constructor(
    private readonly authenticator: AgentAuthenticator,
    private readonly enrolments: EnrolmentService,
    private readonly service: DesiredService,
    private readonly filters: FilterStore,
    private readonly store: AgentStore,
    private readonly statements: StatementVerifier,
    private readonly metrics: FilterManagerMetrics,
  ) {}

  @Call(agentApi.enrol, {
    unknownFields: 'ignore',
    summary: "Make an agent's identity key known, and learn which keys sign what it should run",
  })
  async enrol({ body, reply }: CallOf<typeof agentApi.enrol>): Promise<Enrolled> {
    reply.header(SERVER_TIME_HEADER, new Date().toISOString());
    const outcome = await this.enrolments.enrol(body);
    this.metrics.enrolments.inc();
    return outcome;
  }

  @Call(agentApi.getDesired, {
    unknownFields: 'ignore',
    summary: 'What the calling agent should run: a signed desired state',
    headers: { ...authorization, 'If-None-Match': 'the generation it has: with it, the call waits for another one' },
    alsoAnswers: { 304: 'The generation is still that one.' },
  })
  async getDesired(call: CallOf<typeof agentApi.getDesired>): Promise<DsseEnvelope | undefined> {
    const { agent } = await this.authenticator.authenticate(call);
    const { query, header, reply, signal } = call;
    const known = numberedTag(header('if-none-match'));
    const waitMs = known === undefined ? 0 : parseDurationMs(query.wait);
    const answer = await this.service.desired({ agent, known, waitMs, nonce: query.nonce, signal });
    reply.header('ETag', `"${answer?.generation ?? known}"`);
    return answer?.envelope ?? reply.status(304);
  }

  @Call(agentApi.getBundle, {
    unknownFields: 'ignore',
    summary: 'The bytes that have this digest. They never change',
    headers: authorization,
  })
  async getBundle(call: CallOf<typeof agentApi.getBundle>, @Res() response: ServerResponse): Promise<undefined> {
    await this.authenticator.authenticate(call);
    const { digest } = call.path;
    const bytes = await this.filters.bundle(digest);
    response.setHeader('ETag', `"${digest}"`);
    response.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    response.setHeader('Content-Type', 'application/vnd.bpfleet.bundle+json');
    response.setHeader('Content-Length', bytes.length);
    response.end(bytes);
    return undefined;
  }

  @Call(agentApi.postStatus, { unknownFields: 'ignore', headers: authorization })
  async postStatus(call: CallOf<typeof agentApi.postStatus>): Promise<StatusAccepted> {
    const caller = await this.authenticator.authenticate(call);
    const { body } = call;
    if (body.agent !== caller.agent || body.epoch !== caller.epoch) {
      throw new BpfleetError(
        'REQUEST_INVALID',
        `this is the status of ${body.agent} in epoch ${body.epoch}, and ${caller.agent} calls in epoch ${caller.epoch}`,
      );
    }
    const nonce = randomUUID();
    const nonces = await this.store.turnNonce(caller.agent, nonce);
    const outcome = await this.store.recordStatus(await this.statements.verified(body, { ...caller, nonces }));
    this.metrics.statuses.inc({ outcome });
    return { serverTime: new Date().toISOString(), nonce };
  }
}
