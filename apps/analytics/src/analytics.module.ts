import { type DynamicModule, Module } from '@nestjs/common';
import { Clock } from './clock.js';
import { ConflictSource } from './conflicts/conflict-source.js';
import { ConflictsController } from './conflicts/conflicts.controller.js';
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

/** What the controllers and services are built on: Postgres in a process, memory in a test. */
export interface Parts {
  readonly sections: SectionSource;
  readonly conflicts: ConflictSource;
  readonly ledger: LedgerSource;
  readonly storeStatus: StatusSource;
  readonly quarantine: QuarantineSource;
  readonly publisher: Publisher;
  readonly versions: KnownVersions;
  readonly clock: Clock;
}

@Module({})
class AnalyticsModule {}

/** The HTTP side: what is asked of the store. */
export const analyticsModule = ({
  sections,
  conflicts,
  ledger,
  storeStatus,
  quarantine,
  publisher,
  versions,
  clock,
}: Parts): DynamicModule => ({
  module: AnalyticsModule,
  controllers: [PacketsController, QuarantineController, ConflictsController, LedgerController, StoreStatusController],
  providers: [
    PacketsService,
    QuarantineService,
    { provide: SectionSource, useValue: sections },
    { provide: ConflictSource, useValue: conflicts },
    { provide: LedgerSource, useValue: ledger },
    { provide: StatusSource, useValue: storeStatus },
    { provide: QuarantineSource, useValue: quarantine },
    { provide: Publisher, useValue: publisher },
    { provide: KnownVersions, useValue: versions },
    { provide: Clock, useValue: clock },
  ],
});
