import type { Bus, Consumer, ConsumerOptions, Producer } from '../bus.js';
import { KafkaAdmin } from './kafka-admin.js';
import { KafkaConsumer } from './kafka-consumer.js';
import type { KafkaBusOptions } from './kafka-options.js';
import { KafkaProducer } from './kafka-producer.js';

/** Apache Kafka by kafkajs. Each producer and consumer has connections of its own; the bus itself keeps none. */
export class KafkaBus implements Bus {
  constructor(private readonly options: KafkaBusOptions) {}

  ensureTopic(topic: string, partitions: number): Promise<void> {
    return this.#withAdmin((admin) => admin.ensureTopic(topic, partitions));
  }

  producer(): Producer {
    return new KafkaProducer(this.options);
  }

  consumer(options: ConsumerOptions): Consumer {
    return new KafkaConsumer(this.options, options);
  }

  async endpoints(): Promise<readonly string[]> {
    const advertised = await this.#withAdmin((admin) => admin.endpoints());
    // The first connection goes to an address from the configuration, which may be another one.
    return [...new Set([...this.options.brokers, ...advertised])];
  }

  async #withAdmin<T>(work: (admin: KafkaAdmin) => Promise<T>): Promise<T> {
    const admin = new KafkaAdmin(this.options);
    try {
      return await work(admin);
    } finally {
      await admin.stop();
    }
  }
}
