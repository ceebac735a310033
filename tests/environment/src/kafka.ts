import { startContainerKafka } from './kafka-container.js';
import { startMavenKafka } from './kafka-maven.js';

/** The version tests run against, as container image and from Maven Central (`tools/kafka/pom.xml`). */
export const kafkaImage = 'apache/kafka:4.3.1';

export interface KafkaOptions {
  /** Host name or address that the broker tells its clients. */
  readonly advertisedHost?: string;
  /** Where it listens, when that is another one: `0.0.0.0` behind several addresses. */
  readonly listenHost?: string;
  /** Broker settings beyond those of `kafka-settings.ts`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** What can be done to a broker that is ours. */
export interface BrokerControl {
  /** Stops it as SIGSTOP does: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, at the same address and with the same data. */
  restart(): Promise<void>;
}

export interface TestKafka {
  readonly route: 'given' | 'container' | 'maven';
  readonly brokers: readonly string[];
  /** Absent for brokers named by `KAFKA_BROKERS`. */
  readonly control?: BrokerControl;
  stop(): Promise<void>;
}

export interface Unavailable {
  readonly unavailable: string;
}

/**
 * A broker for tests: the one `KAFKA_BROKERS` names; a container where an engine and the image are (nothing is pulled);
 * a process of Kafka's jars from Maven Central where Java is. `BPFLEET_TEST_KAFKA=container|maven` asks for one of them.
 */
export async function startKafka(options: KafkaOptions = {}): Promise<TestKafka | Unavailable> {
  const given = process.env.KAFKA_BROKERS;
  if (given) return { route: 'given', brokers: given.split(','), stop: async () => undefined };
  return startOwnKafka(options);
}

/** As `startKafka`, but always a broker that the test may pause and kill. */
export async function startOwnKafka(options: KafkaOptions = {}): Promise<Required<TestKafka> | Unavailable> {
  const reasons: string[] = [];
  for (const [route, start] of routes()) {
    const broker = await start(options).catch((error: Error) => ({ unavailable: error.message }));
    if (!('unavailable' in broker)) return broker;
    reasons.push(`${route}: ${broker.unavailable}`);
  }
  return { unavailable: `no Kafka (${reasons.join('; ')})` };
}

type Start = (options: KafkaOptions) => Promise<Required<TestKafka> | Unavailable>;

function routes(): [name: string, start: Start][] {
  const all: [string, Start][] = [
    ['container', startContainerKafka],
    ['maven', startMavenKafka],
  ];
  const wanted = process.env.BPFLEET_TEST_KAFKA;
  return wanted ? all.filter(([name]) => name === wanted) : all;
}
