import { agentApi, type PlainDesiredState, parseDurationMs, type StatusAccepted } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller } from '@nestjs/common';
import { AgentStore } from '../agents/agent-store.js';
import { FilterManagerMetrics } from '../metrics.js';
import { DesiredService } from './desired.service.js';

/** What agents call. Agents are newer or older than this service: fields it does not know are none of its business. */
@Controller()
export class AgentApiController {
  constructor(
    private readonly service: DesiredService,
    private readonly store: AgentStore,
    private readonly metrics: FilterManagerMetrics,
  ) {}

  @Call(agentApi.getDesired, {
    unknownFields: 'ignore',
    summary: 'What an agent should run',
    headers: { 'If-None-Match': 'the generation it has: with it, the call waits for another one' },
    alsoAnswers: { 304: 'The generation is still that one.' },
  })
  async getDesired(call: CallOf<typeof agentApi.getDesired>): Promise<PlainDesiredState | undefined> {
    const { query, header, reply, signal } = call;
    const known = generationIn(header('if-none-match'));
    const waitMs = known === undefined ? 0 : parseDurationMs(query.wait);
    const state = await this.service.desired({ agent: query.agent, known, waitMs, signal });
    reply.header('ETag', `"${state?.generation ?? known}"`);
    return state ?? reply.status(304);
  }

  @Call(agentApi.postStatus, { unknownFields: 'ignore' })
  async postStatus({ body }: CallOf<typeof agentApi.postStatus>): Promise<StatusAccepted> {
    const outcome = await this.store.recordStatus(body);
    this.metrics.statuses.inc({ outcome });
    return { serverTime: new Date().toISOString() };
  }
}

function generationIn(header: string | undefined): number | undefined {
  const match = /^(?:W\/)?"(\d{1,16})"$/.exec(header?.trim() ?? '');
  return match ? Number(match[1]) : undefined;
}
