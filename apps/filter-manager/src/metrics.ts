import { Counter, Gauge, type Registry } from '@bpfleet/service';

/** Every series of the filter-manager. */
export class FilterManagerMetrics {
  readonly statuses: Counter<'outcome'>;
  readonly generations: Counter;
  readonly listenFailures: Counter;
  readonly waiting: Gauge;
  readonly enrolments: Counter;
  readonly refusedCalls: Counter<'code'>;
  readonly statements: Counter<'outcome'>;

  constructor(registry: Registry, waiting: () => number) {
    const registers = [registry];
    this.statuses = new Counter({
      registers,
      name: 'bpfleet_filter_manager_statuses_total',
      help: 'Statuses of agents, by whether they were taken or came late.',
      labelNames: ['outcome'],
    });
    this.generations = new Counter({
      registers,
      name: 'bpfleet_filter_manager_generations_total',
      help: 'Desired states that changed, one per agent and change.',
    });
    this.listenFailures = new Counter({
      registers,
      name: 'bpfleet_filter_manager_listen_failures_total',
      help: 'Times the connection that hears of changes on other replicas was lost or could not be made.',
    });
    this.enrolments = new Counter({
      registers,
      name: 'bpfleet_filter_manager_enrolments_total',
      help: 'Enrolments of agents that were taken, repeated ones included.',
    });
    this.refusedCalls = new Counter({
      registers,
      name: 'bpfleet_filter_manager_refused_calls_total',
      help: 'Calls of agents that were not taken for theirs, by the code of the answer.',
      labelNames: ['code'],
    });
    this.statements = new Counter({
      registers,
      name: 'bpfleet_filter_manager_statements_total',
      help: 'Statements of agents about what their kernels run, by what they were found to be.',
      labelNames: ['outcome'],
    });
    this.waiting = new Gauge({
      registers,
      name: 'bpfleet_filter_manager_waiting_agents',
      help: 'Calls that wait for a new desired state, or another registry.',
      collect() {
        this.set(waiting());
      },
    });
  }
}
