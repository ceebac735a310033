import { chmod } from 'node:fs/promises';
import type { StartedTestContainer } from 'testcontainers';
import { freePorts } from './free-ports.js';
import { KAFKA_VERSION, type KafkaOptions, kafkaImage, type TestKafka } from './kafka.js';
import { kafkaIsReady } from './kafka-ready.js';
import { loneBrokerSettings } from './kafka-settings.js';

const clientPort = 9092;
const dataMount = '/mnt/data';
const readyTimeoutMs = 60_000;
const pauseAttempts = 5;
/** Quick to start rather than quick later: a third less CPU time until it serves. */
const java = { KAFKA_HEAP_OPTS: '-Xmx512m', KAFKA_JVM_PERFORMANCE_OPTS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' };

/** A broker in a container, by Testcontainers. */
export async function startContainerKafka(options: KafkaOptions = {}): Promise<Required<TestKafka>> {
  const broker = new ContainerKafka(options);
  await broker.start();
  return broker;
}

class ContainerKafka implements TestKafka {
  readonly route = 'container';
  readonly version = `${KAFKA_VERSION} (container)`;
  readonly control = this;
  #brokers: readonly string[] = [];
  #port = 0;
  #container: StartedTestContainer | undefined;

  constructor(private readonly options: KafkaOptions) {}

  get brokers(): readonly string[] {
    return this.#brokers;
  }

  async start(): Promise<void> {
    const { GenericContainer, Wait } = await import('testcontainers');
    const { advertisedHost = '127.0.0.1', dataFolder, settings } = this.options;
    // A port we choose: the broker must know what to advertise before it starts, and keep it when it is restarted.
    const [port] = (await freePorts(1)) as [number];
    this.#port = port;
    this.#brokers = [`${advertisedHost}:${port}`];
    const all = {
      ...loneBrokerSettings,
      listeners: `PLAINTEXT://:${clientPort},CONTROLLER://localhost:9093`,
      'advertised.listeners': `PLAINTEXT://${advertisedHost}:${port}`,
      'controller.quorum.voters': '1@localhost:9093',
      ...(dataFolder !== undefined && { 'log.dirs': `${dataMount}/data` }),
      ...settings,
    };
    // The broker is not the one who made it.
    if (dataFolder !== undefined) await chmod(dataFolder, 0o777);
    this.#container = await new GenericContainer(kafkaImage)
      .withBindMounts(dataFolder === undefined ? [] : [{ source: dataFolder, target: dataMount }])
      .withExposedPorts({ container: clientPort, host: port })
      .withEnvironment(java)
      .withEnvironment(Object.fromEntries(Object.entries(all).map(([name, value]) => [variable(name), value])))
      .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/).withStartupTimeout(readyTimeoutMs))
      .start();
    await this.#ready();
  }

  async pause(): Promise<void> {
    const engine = await this.#engine();
    for (let attempt = 1; ; attempt += 1) {
      try {
        await engine.pause();
        return;
      } catch (error) {
        // runc thaws and gives up when threads of a busy container do not stop soon enough (cgroup v1).
        if (attempt === pauseAttempts || !String(error).includes('unable to freeze')) throw error;
      }
    }
  }

  async resume(): Promise<void> {
    await (await this.#engine()).unpause();
  }

  async kill(): Promise<void> {
    await (await this.#engine()).kill();
  }

  async restart(): Promise<void> {
    await (await this.#engine()).start();
    await this.#ready();
  }

  async stop(): Promise<void> {
    await this.#container?.stop();
    this.#container = undefined;
  }

  /** The container by the engine's own interface: Testcontainers has no pause and no kill. */
  async #engine() {
    const { getContainerRuntimeClient } = await import('testcontainers');
    if (this.#container === undefined) throw new Error('the broker was not started');
    return (await getContainerRuntimeClient()).container.getById(this.#container.getId());
  }

  async #ready(): Promise<void> {
    await kafkaIsReady(this.#container?.getHost() ?? 'localhost', this.#port, readyTimeoutMs);
  }
}

/** The image takes `log.dirs` as `KAFKA_LOG_DIRS`. */
function variable(setting: string): string {
  return `KAFKA_${setting.toUpperCase().replaceAll('.', '_')}`;
}
