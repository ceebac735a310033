import { type DynamicModule, Module } from '@nestjs/common';
import { AgentApiController } from './agent-api/agent-api.controller.js';
import { AgentAuthenticator } from './agent-api/agent-authenticator.js';
import { EnrolmentService, EnrolmentToken } from './agent-api/enrolment.service.js';
import { AgentStore } from './agents/agent-store.js';
import { AgentsController } from './agents/agents.controller.js';
import { AssignmentStore } from './assignments/assignment-store.js';
import { AssignmentsController } from './assignments/assignments.controller.js';
import { StatementVerifier } from './attestation/statement-verifier.js';
import { CompileController } from './compile/compile.controller.js';
import { FilterCompiler } from './compile/filter-compiler.js';
import { DesiredService } from './desired/desired.service.js';
import { FilterStore } from './filters/filter-store.js';
import { FiltersController } from './filters/filters.controller.js';
import { FiltersService } from './filters/filters.service.js';
import { IdentityStore } from './identities/identity-store.js';
import { ChangeFeed } from './long-poll/change-feed.js';
import { LongPolls } from './long-poll/long-polls.js';
import { FilterManagerMetrics } from './metrics.js';
import { RegistryController } from './registry/registry.controller.js';
import { RegistryStore } from './registry/registry-store.js';
import { SigningKeys } from './signing/signing-keys.js';

/** What the controllers and services are built on: Postgres in a process, memory in a test. */
export interface Parts {
  readonly filters: FilterStore;
  readonly assignments: AssignmentStore;
  readonly agents: AgentStore;
  readonly identities: IdentityStore;
  readonly registry: RegistryStore;
  readonly signingKeys: SigningKeys;
  /** Undefined: whoever reaches the service may enrol agents. */
  readonly enrolmentToken: string | undefined;
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
    controllers: [
      FiltersController,
      AssignmentsController,
      CompileController,
      AgentsController,
      AgentApiController,
      RegistryController,
    ],
    providers: [
      FiltersService,
      DesiredService,
      LongPolls,
      AgentAuthenticator,
      EnrolmentService,
      StatementVerifier,
      { provide: FilterStore, useValue: parts.filters },
      { provide: AssignmentStore, useValue: parts.assignments },
      { provide: AgentStore, useValue: parts.agents },
      { provide: IdentityStore, useValue: parts.identities },
      { provide: RegistryStore, useValue: parts.registry },
      { provide: SigningKeys, useValue: parts.signingKeys },
      { provide: EnrolmentToken, useValue: { value: parts.enrolmentToken } satisfies EnrolmentToken },
      { provide: ChangeFeed, useValue: parts.feed },
      { provide: FilterCompiler, useValue: parts.compiler },
      { provide: FilterManagerMetrics, useValue: parts.metrics },
    ],
  };
}
