import type { Bus, BusRecord, Producer } from '@bpfleet/bus';

/** Puts records into the log that ingest reads. */
export abstract class Publisher {
  /** Resolves when the log has it. @throws BpfleetError `BUS_TIMEOUT` */
  abstract publish(record: BusRecord): Promise<void>;
}

const TIMEOUT_MS = 10_000;

/** Over the bus, with one producer that is made when it is needed first. */
export class BusPublisher implements Publisher {
  #producer: Promise<Producer> | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly topic: string,
  ) {}

  async publish(record: BusRecord): Promise<void> {
    this.#producer ??= this.#start();
    await (await this.#producer).send(this.topic, [record], TIMEOUT_MS);
  }

  async stop(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await (await producer)?.stop();
  }

  async #start(): Promise<Producer> {
    const producer = this.bus.producer();
    await producer.start();
    return producer;
  }
}
