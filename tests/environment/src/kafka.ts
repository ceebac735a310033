import { imageIsMissing } from './docker.js';
import { startContainerKafka } from './kafka-container.js';
import { javaIsMissing, startMavenKafka } from './kafka-maven.js';
import { shortBrokerSession } from './kafka-settings.js';
import { noteServer } from './servers-used.js';

/** The version tests run against, as container image and from Maven Central (`tools/kafka/pom.xml`). */
export const KAFKA_VERSION = '4.3.1';
export const kafkaImage = `apache/kafka:${KAFKA_VERSION}`;

export interface KafkaOptions {
  /** Host name or address that the broker tells its clients. */
  readonly advertisedHost?: string;
  /** Where it listens, when that is another one: `0.0.0.0` behind several addresses. */
  readonly listenHost?: string;
  /** A folder of the caller's for its data, which it keeps: a disk that may be full, for one. */
  readonly dataFolder?: string;
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
  /** With its route, for what is printed. A broker does not tell its clients what it is. */
  readonly version: string;
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
  if (given) {
    return { route: 'given', version: 'unknown (given)', brokers: given.split(','), stop: async () => undefined };
  }
  return startOnAnyRoute(options);
}

/** As `startKafka`, but always a broker that the test may pause and kill. */
export function startOwnKafka(options: KafkaOptions = {}): Promise<Required<TestKafka> | Unavailable> {
  return startOnAnyRoute({ ...options, settings: { ...shortBrokerSession, ...options.settings } });
}

async function startOnAnyRoute(options: KafkaOptions): Promise<Required<TestKafka> | Unavailable> {
  const reasons: string[] = [];
  for (const { name, missing, start } of routes()) {
    try {
      const reason = await missing();
      if (reason === undefined) {
        const kafka = await start(options);
        noteServer(`Kafka ${kafka.version}`);
        return kafka;
      }
      reasons.push(`${name}: ${reason}`);
    } catch (error) {
      reasons.push(`${name}: ${(error as Error).message}`);
    }
  }
  return { unavailable: `no Kafka (${reasons.join('; ')})` };
}

/** Whether `startOwnKafka` has a way to go, found out without starting anything. */
export async function canStartKafka(): Promise<Unavailable | Record<never, never>> {
  const reasons = await Promise.all(routes().map(({ missing }) => missing()));
  if (reasons.includes(undefined)) return {};
  return { unavailable: `no Kafka (${reasons.join('; ')})` };
}

interface Route {
  readonly name: string;
  /** What this machine lacks for it. */
  missing(): Promise<string | undefined>;
  start(options: KafkaOptions): Promise<Required<TestKafka>>;
}

function routes(): Route[] {
  const all = [
    { name: 'container', missing: () => imageIsMissing(kafkaImage), start: startContainerKafka },
    { name: 'maven', missing: javaIsMissing, start: startMavenKafka },
  ];
  const wanted = process.env.BPFLEET_TEST_KAFKA;
  return wanted ? all.filter(({ name }) => name === wanted) : all;
}
