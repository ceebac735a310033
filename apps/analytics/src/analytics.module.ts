import { type DynamicModule, Module } from '@nestjs/common';
import { BacktestsController } from './backtests/backtests.controller.js';
import { BacktestsService } from './backtests/backtests.service.js';
import { Clock } from './clock.js';
import { ConflictSource } from './conflicts/conflict-source.js';
import { ConflictsController } from './conflicts/conflicts.controller.js';
import { FlowSource } from './flows/flow-source.js';
import { FlowsController } from './flows/flows.controller.js';
import { FlowsService } from './flows/flows.service.js';
import { ImportParts } from './imports/file-sections.js';
import { ImportsController } from './imports/imports.controller.js';
import { ImportsService } from './imports/imports.service.js';
import { LedgerController } from './ledger/ledger.controller.js';
import { LedgerSource } from './ledger/ledger-source.js';
import { PacketsController } from './packets/packets.controller.js';
import { PacketsService } from './packets/packets.service.js';
import { SectionSource } from './packets/section-source.js';
import { Publisher } from './quarantine/publisher.js';
import { QuarantineController } from './quarantine/quarantine.controller.js';
import { QuarantineService } from './quarantine/quarantine.service.js';
import { QuarantineSource } from './quarantine/quarantine-source.js';
import { KnownVersions } from './registry/known-versions.js';
import { StatusSource } from './retention/status-source.js';
import { StoreStatusController } from './retention/store-status.controller.js';
import { TailController } from './tail/tail.controller.js';
import { TailService } from './tail/tail.service.js';
import { TailParts } from './tail/tail-parts.js';

/** What the controllers and services are built on: Postgres in a process, memory in a test. */
export interface Parts {
  readonly sections: SectionSource;
  readonly conflicts: ConflictSource;
  readonly flows: FlowSource;
  readonly ledger: LedgerSource;
  readonly storeStatus: StatusSource;
  readonly tails: TailParts;
  readonly quarantine: QuarantineSource;
  readonly publisher: Publisher;
  readonly imports: ImportParts;
  readonly versions: KnownVersions;
  readonly clock: Clock;
}

@Module({})
class AnalyticsModule {}

/** The HTTP side: what is asked of the store. */
export const analyticsModule = ({
  sections,
  conflicts,
  flows,
  ledger,
  storeStatus,
  tails,
  quarantine,
  publisher,
  imports,
  versions,
  clock,
}: Parts): DynamicModule => ({
  module: AnalyticsModule,
  controllers: [
    PacketsController,
    FlowsController,
    BacktestsController,
    ImportsController,
    QuarantineController,
    ConflictsController,
    LedgerController,
    StoreStatusController,
    TailController,
  ],
  providers: [
    PacketsService,
    FlowsService,
    QuarantineService,
    BacktestsService,
    ImportsService,
    TailService,
    { provide: SectionSource, useValue: sections },
    { provide: ConflictSource, useValue: conflicts },
    { provide: FlowSource, useValue: flows },
    { provide: LedgerSource, useValue: ledger },
    { provide: StatusSource, useValue: storeStatus },
    { provide: TailParts, useValue: tails },
    { provide: QuarantineSource, useValue: quarantine },
    { provide: Publisher, useValue: publisher },
    { provide: ImportParts, useValue: imports },
    { provide: KnownVersions, useValue: versions },
    { provide: Clock, useValue: clock },
  ],
});
