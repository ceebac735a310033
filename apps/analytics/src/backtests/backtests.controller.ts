import { type Backtest, queryApi } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller } from '@nestjs/common';
import { Clock } from '../clock.js';
import { BacktestsService } from './backtests.service.js';

@Controller()
export class BacktestsController {
  constructor(
    private readonly backtests: BacktestsService,
    private readonly clock: Clock,
  ) {}

  @Call(queryApi.createBacktest, {
    summary: 'What a candidate expression would have kept of the stored packets, and how that differs from a version',
  })
  createBacktest({ body, signal }: CallOf<typeof queryApi.createBacktest>): Promise<Backtest> {
    return this.backtests.run(body, this.clock.nowMs(), signal);
  }
}
