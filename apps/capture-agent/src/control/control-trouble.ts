import type { AgentStatus } from '@bpfleet/contract';
import type { BpfleetError } from '@bpfleet/errors';

/** Why the agent does not do what the filter-manager says now: in its status until it follows again. */
export class ControlTrouble {
  #current: AgentStatus['errors'][number] | undefined;

  /** @param changed what is told of has changed */
  constructor(private readonly changed: () => void) {}

  /** Of several with one code the first stays: the others follow from it. */
  met({ code, message, hint }: BpfleetError): void {
    if (this.#current?.code === code) return;
    const text = hint === undefined ? message : `${message}; ${hint}`;
    this.#current = { code, message: text, at: new Date().toISOString() };
    this.changed();
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
