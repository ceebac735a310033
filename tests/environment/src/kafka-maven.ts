import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from './free-ports.js';
import { GuardedProcess } from './guarded-process.js';
import { KAFKA_VERSION, type KafkaOptions, type TestKafka } from './kafka.js';
import { javaCommand, type KafkaInstallation, kafkaInstallation } from './kafka-installation.js';
import { kafkaIsReady } from './kafka-ready.js';
import { writeSettings } from './kafka-settings.js';

const run = promisify(execFile);
const readyTimeoutMs = 60_000;

/** A real broker from Maven Central, as a process of its own, for machines with Java and without containers. */
export async function startMavenKafka(options: KafkaOptions = {}): Promise<Required<TestKafka>> {
  const broker = new MavenKafka(await kafkaInstallation(), options);
  await broker.start();
  return broker;
}

/** What this machine lacks to run it; undefined when nothing. */
export async function javaIsMissing(): Promise<string | undefined> {
  for (const command of ['java', 'mvn']) if (!(await isInstalled(command))) return `no ${command}`;
  return undefined;
}

async function isInstalled(command: string): Promise<boolean> {
  const places = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, command));
  const found = await Promise.all(
    places.map((place) =>
      access(place, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

class MavenKafka implements TestKafka {
  readonly route = 'maven';
  readonly version = `${KAFKA_VERSION} (maven)`;
  readonly control = this;
  #brokers: readonly string[] = [];
  #folder = '';
  #listen = { host: '', port: 0 };
  #process: GuardedProcess | undefined;

  constructor(
    private readonly installation: KafkaInstallation,
    private readonly options: KafkaOptions,
  ) {}

  get brokers(): readonly string[] {
    return this.#brokers;
  }

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'bpfleet-kafka-'));
    try {
      await this.#lay();
      await this.restart();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async pause(): Promise<void> {
    await this.#process?.signal('SIGSTOP');
  }

  async resume(): Promise<void> {
    await this.#process?.signal('SIGCONT');
  }

  async kill(): Promise<void> {
    await this.#process?.stop({ keepFolder: true });
  }

  async restart(): Promise<void> {
    const { jars, classes } = this.installation;
    const args = [`-XX:SharedArchiveFile=${classes}`, '-Xmx512m', 'kafka.Kafka', this.#settingsFile];
    const process = new GuardedProcess(javaCommand(jars, this.#folder, args), this.#folder);
    this.#process = process;
    await Promise.race([
      kafkaIsReady(this.#listen.host, this.#listen.port, readyTimeoutMs),
      process.exited.then((output) => {
        throw new Error(`Kafka ended: ${output}`);
      }),
    ]);
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #settingsFile(): string {
    return join(this.#folder, 'server.properties');
  }

  async #lay(): Promise<void> {
    const { advertisedHost = '127.0.0.1', listenHost = advertisedHost, dataFolder, settings } = this.options;
    const [port, controllerPort] = (await freePorts(2, listenHost)) as [number, number];
    this.#listen = { host: listenHost, port };
    this.#brokers = [`${advertisedHost}:${port}`];
    const data = join(dataFolder ?? this.#folder, 'data');
    await run('cp', ['-a', this.installation.data, data]);
    await writeSettings(this.#settingsFile, { host: listenHost, advertisedHost, port, controllerPort, data, settings });
  }
}
