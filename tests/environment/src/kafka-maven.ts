import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from './free-ports.js';
import { GuardedProcess } from './guarded-process.js';
import type { KafkaOptions, TestKafka } from './kafka.js';
import { kafkaClasspath } from './kafka-jars.js';
import { kafkaIsReady } from './kafka-ready.js';
import { loneBrokerSettings } from './kafka-settings.js';

const run = promisify(execFile);
const readyTimeoutMs = 60_000;

/** A real broker from Maven Central, as a process of its own, for machines with Java and without containers. */
export async function startMavenKafka(options: KafkaOptions = {}): Promise<Required<TestKafka>> {
  const broker = new MavenKafka(await kafkaClasspath(), options);
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
  readonly control = this;
  #brokers: readonly string[] = [];
  #folder = '';
  #listen = { host: '', port: 0 };
  #process: GuardedProcess | undefined;

  constructor(
    private readonly classpath: string,
    private readonly options: KafkaOptions,
  ) {}

  get brokers(): readonly string[] {
    return this.#brokers;
  }

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'bpfleet-kafka-'));
    try {
      await this.#format();
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
    const process = new GuardedProcess(this.#java(['-Xmx512m', 'kafka.Kafka', this.#settingsFile]), this.#folder);
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

  async #format(): Promise<void> {
    const { advertisedHost = '127.0.0.1', listenHost = advertisedHost, settings } = this.options;
    const [port, controllerPort] = (await freePorts(2, listenHost)) as [number, number];
    this.#listen = { host: listenHost, port };
    this.#brokers = [`${advertisedHost}:${port}`];
    const all = {
      ...loneBrokerSettings,
      listeners: `PLAINTEXT://${listenHost}:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
      'advertised.listeners': `PLAINTEXT://${advertisedHost}:${port}`,
      'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
      'log.dirs': join(this.#folder, 'data'),
      ...settings,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(this.#settingsFile, lines.join(''));
    // A Kafka Uuid: 16 bytes in base64url. A leading dash would read as an option.
    const clusterId = `A${randomBytes(16).toString('base64url').slice(1)}`;
    const [java, ...format] = this.#java(['kafka.tools.StorageTool', 'format', '-t', clusterId]);
    await run(java!, [...format, '-c', this.#settingsFile]);
  }

  #java(args: readonly string[]): string[] {
    // Quick to start rather than quick later; native parts of snappy and zstd are unpacked to the temporary folder.
    const flags = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', `-Djava.io.tmpdir=${this.#folder}`];
    return ['java', ...flags, '-cp', this.classpath, ...args];
  }
}
