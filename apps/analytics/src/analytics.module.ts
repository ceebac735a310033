import { type DynamicModule, Module } from '@nestjs/common';
import { Clock } from './clock.js';
import { PacketsController } from './packets/packets.controller.js';
import { PacketsService } from './packets/packets.service.js';
import { SectionSource } from './packets/section-source.js';

@Module({})
class AnalyticsModule {}

/** The HTTP side: what is asked of the store. */
export const analyticsModule = (source: SectionSource, clock: Clock): DynamicModule => ({
  module: AnalyticsModule,
  controllers: [PacketsController],
  providers: [PacketsService, { provide: SectionSource, useValue: source }, { provide: Clock, useValue: clock }],
});
