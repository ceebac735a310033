import { queryApi, type StoreStatus } from '@bpfleet/contract';
import { Call } from '@bpfleet/service/nest';
import { Controller } from '@nestjs/common';
import { StatusSource } from './status-source.js';

@Controller()
export class StoreStatusController {
  constructor(private readonly source: StatusSource) {}

  @Call(queryApi.getStoreStatus, { summary: 'How full the store is, how long it keeps what, and how far it has read' })
  getStoreStatus(): Promise<StoreStatus> {
    return this.source.status();
  }
}
