import { type DynamicModule, Module } from '@nestjs/common';
import { AgentStore } from './agents/agent-store.js';
import { AgentsController } from './agents/agents.controller.js';
import { AssignmentStore } from './assignments/assignment-store.js';
import { AssignmentsController } from './assignments/assignments.controller.js';
import { CompileController } from './compile/compile.controller.js';
import { FilterCompiler } from './compile/filter-compiler.js';
import { AgentApiController } from './desired/agent-api.controller.js';
import { ChangeFeed } from './desired/change-feed.js';
import { DesiredService } from './desired/desired.service.js';
import { FilterStore } from './filters/filter-store.js';
import { FiltersController } from './filters/filters.controller.js';
import { FiltersService } from './filters/filters.service.js';
import { FilterManagerMetrics } from './metrics.js';

/** What the controllers and services are built on: Postgres in a process, memory in a test. */
export interface Parts {
  readonly filters: FilterStore;
  readonly assignments: AssignmentStore;
  readonly agents: AgentStore;
  readonly feed: ChangeFeed;
  readonly compiler: FilterCompiler;
  readonly metrics: FilterManagerMetrics;
}

@Module({})
class FilterManagerModule {}

/** The features' module over these parts. */
export function filterManagerModule(parts: Parts): DynamicModule {
  return {
    module: FilterManagerModule,
    controllers: [FiltersController, AssignmentsController, CompileController, AgentsController, AgentApiController],
    providers: [
      FiltersService,
      DesiredService,
      { provide: FilterStore, useValue: parts.filters },
      { provide: AssignmentStore, useValue: parts.assignments },
      { provide: AgentStore, useValue: parts.agents },
      { provide: ChangeFeed, useValue: parts.feed },
      { provide: FilterCompiler, useValue: parts.compiler },
      { provide: FilterManagerMetrics, useValue: parts.metrics },
    ],
  };
}
