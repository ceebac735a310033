import type { AgentStatus } from '@bpfleet/contract';
import { BpfleetError, type ErrorCode } from '@bpfleet/errors';

/** What was on the way to the filter-manager, or in it: over as soon as it answers. */
const PASSING: readonly string[] = [
  'SERVER_UNREACHABLE',
  'ANSWER_TOO_LARGE',
  'STORE_UNAVAILABLE',
  'TOO_BUSY',
  'INTERNAL',
] satisfies ErrorCode[];

/** Why the agent does not do what the filter-manager says now: in its status until it follows again. */
export class ControlTrouble {
  #current: AgentStatus['errors'][number] | undefined;

  /** @param changed what is told of has changed */
  constructor(private readonly changed: () => void) {}

  /** Of several with one code the first stays: the others follow from it. */
  met(error: Error): void {
    const { code, hint } = error instanceof BpfleetError ? error : { code: 'INTERNAL', hint: undefined };
    if (this.#current?.code === code) return;
    const message = hint === undefined ? error.message : `${error.message}; ${hint}`;
    this.#current = { code, message, at: new Date().toISOString() };
    this.changed();
  }

  /** Whether it is over as soon as the filter-manager answers. */
  get isPassing(): boolean {
    return this.#current !== undefined && PASSING.includes(this.#current.code);
  }

  /** The filter-manager says that there is nothing new. What was refused stays refused. */
  answered(): void {
    if (this.isPassing) this.over();
  }

  /** It follows. */
  over(): void {
    if (this.#current === undefined) return;
    this.#current = undefined;
    this.changed();
  }

  get errors(): AgentStatus['errors'] {
    return this.#current === undefined ? [] : [this.#current];
  }
}
