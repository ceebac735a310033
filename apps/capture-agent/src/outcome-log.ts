import type { Logger } from 'pino';
import type { FilterOutcome } from './border/opener-port.js';

type OutcomesByPlace = ReadonlyMap<string, FilterOutcome>;

const runsNot = ({ state }: FilterOutcome): boolean => state === 'refused' || state === 'not applicable';
const labelOf = ({ filter, version }: FilterOutcome): string => `${filter}@${version}`;
const notRunning = (outcomes: readonly FilterOutcome[]): OutcomesByPlace =>
  new Map(outcomes.filter(runsNot).map((outcome) => [`${labelOf(outcome)} ${outcome.interface}`, outcome]));

/** Says in the log what becomes of filters. */
export class OutcomeLog {
  /** Those that do not run, as it was said last. */
  #said: OutcomesByPlace = new Map();

  constructor(private readonly logger: Pick<Logger, 'info' | 'warn'>) {}

  /** What became of each filter of a new state, on each interface. */
  carriedOut(outcomes: readonly FilterOutcome[]): void {
    for (const outcome of outcomes) {
      if (runsNot(outcome)) this.logger.warn(factsOf(outcome), RUNS_NOT);
      else this.logger.info(factsOf(outcome), 'filter desired');
    }
    this.#said = notRunning(outcomes);
  }

  /** Interfaces come and go: which filters do not run any more, and which do again. */
  changed(outcomes: readonly FilterOutcome[]): void {
    const [before, now] = [this.#said, notRunning(outcomes)];
    this.#said = now;
    for (const [place, outcome] of now) {
      if (before.get(place)?.reason !== outcome.reason) this.logger.warn(factsOf(outcome), RUNS_NOT);
    }
    // Where one ran on no interface, its row was of another name than the one it has now.
    const running = new Map(outcomes.filter((one) => !runsNot(one)).map((one) => [labelOf(one), one]));
    for (const [place, outcome] of before) {
      const again = now.has(place) ? undefined : running.get(labelOf(outcome));
      if (again) this.logger.info(factsOf(again), 'filter runs again');
    }
  }
}

const RUNS_NOT = 'filter does not run';

const factsOf = ({ filter, version, interface: device, state, reason }: FilterOutcome) => ({
  ...{ filter: `${filter}@${version}`, interface: device, state, reason },
});
