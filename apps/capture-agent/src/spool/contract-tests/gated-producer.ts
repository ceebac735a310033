import type { BusRecord, Producer } from '@bpfleet/bus';
import { BpfleetError } from '@bpfleet/errors';

interface Send {
  readonly records: readonly BusRecord[];
  acknowledge(): void;
  refuse(error: Error): void;
}

/** Answers each send when the test says so, or as `answer` does. */
export class GatedProducer implements Producer {
  readonly sends: Send[] = [];
  /** How many sends were under way at once, at most. */
  mostAtOnce = 0;
  answer: ((send: Send) => void) | undefined;
  #open = 0;
  #isStopped = false;
  #arrived: () => void = () => {};

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { refuse } of this.sends) refuse(new BpfleetError('BUS_CLOSED', 'the producer was stopped'));
  }

  async send(_topic: string, records: readonly BusRecord[]): Promise<void> {
    if (this.#isStopped) throw new BpfleetError('BUS_CLOSED', 'the producer was stopped');
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#open);
    try {
      await new Promise<void>((acknowledge, refuse) => {
        const send = { records, acknowledge, refuse };
        this.sends.push(send);
        this.#arrived();
        this.answer?.(send);
      });
    } finally {
      this.#open--;
    }
  }

  /** Resolves when the `count`th send has begun. */
  async sent(count: number): Promise<Send> {
    while (this.sends.length < count) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    return this.sends[count - 1]!;
  }
}

export const seqsIn = (records: readonly BusRecord[]): number[] => records.map(({ headers }) => Number(headers.seq));
