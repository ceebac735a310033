import { type FlowList, queryApi, type Timeline, type Top } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller } from '@nestjs/common';
import { Clock } from '../clock.js';
import { FlowsService } from './flows.service.js';

@Controller()
export class FlowsController {
  constructor(
    private readonly flows: FlowsService,
    private readonly clock: Clock,
  ) {}

  @Call(queryApi.listFlows, { summary: 'Flows, counted exactly over whole minutes, the latest first' })
  listFlows({ query, signal }: CallOf<typeof queryApi.listFlows>): Promise<FlowList> {
    return this.flows.list(query, this.clock.nowMs(), signal);
  }

  @Call(queryApi.getTimeline, { summary: 'How many packets there were, step by step' })
  getTimeline({ query, signal }: CallOf<typeof queryApi.getTimeline>): Promise<Timeline> {
    return this.flows.timeline(query, this.clock.nowMs(), signal);
  }

  @Call(queryApi.getTop, { summary: 'Who has most packets or bytes: hosts, ports, protocols, agents or filters' })
  getTop({ query, signal }: CallOf<typeof queryApi.getTop>): Promise<Top> {
    return this.flows.top(query, this.clock.nowMs(), signal);
  }
}
