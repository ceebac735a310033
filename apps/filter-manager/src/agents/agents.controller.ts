import { type Agent, type AgentPage, controlApi } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller } from '@nestjs/common';
import { pageOf } from '../paging/paging.js';
import { AgentStore } from './agent-store.js';

@Controller()
export class AgentsController {
  constructor(private readonly store: AgentStore) {}

  @Call(controlApi.listAgents, { summary: 'Agents by id, with the last status of each' })
  listAgents({ query }: CallOf<typeof controlApi.listAgents>): Promise<AgentPage> {
    return pageOf(
      'agents',
      query,
      (after, limit) => this.store.list(after, limit),
      ({ id }) => id,
    );
  }

  @Call(controlApi.getAgent)
  getAgent({ path }: CallOf<typeof controlApi.getAgent>): Promise<Agent> {
    return this.store.get(path.id);
  }
}
