import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BpfleetError } from '@bpfleet/errors';
import { FolderLock } from '@bpfleet/linux';
import { freePorts } from './free-ports.js';
import { GuardedProcess } from './guarded-process.js';
import { kafkaFolder, kafkaJars } from './kafka-jars.js';
import { kafkaIsReady } from './kafka-ready.js';
import { writeSettings } from './kafka-settings.js';

const run = promisify(execFile);
const READY_TIMEOUT_MS = 120_000;
const LOCK_POLL_MS = 100;

/** Apache Kafka on this machine, and what each broker of tests would make again: that takes longer than all else of its start. */
export interface KafkaInstallation {
  readonly jars: string;
  /** An empty broker's folder of data, to be copied. */
  readonly data: string;
  /** The broker's classes, loaded and verified (JEP 350). The JVM goes on without where it is of another JVM. */
  readonly classes: string;
}

/** Made once per version of `tools/kafka/pom.xml`, by whoever asks first. */
export async function kafkaInstallation(): Promise<KafkaInstallation> {
  await mkdir(kafkaFolder, { recursive: true });
  const lock = await lockFolder(kafkaFolder);
  try {
    const jars = await kafkaJars();
    // Among the jars: it goes when they do.
    const made = join(jars, 'made');
    const installation = { jars, data: join(made, 'data'), classes: join(made, 'classes.jsa') };
    if (!existsSync(made)) await make(jars, made);
    return installation;
  } finally {
    lock?.release();
  }
}

/** A command line of Kafka's: quick to start rather than quick later. Native parts of snappy and zstd are unpacked to `folder`. */
export function javaCommand(jars: string, folder: string, args: readonly string[]): string[] {
  const flags = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', `-Djava.io.tmpdir=${folder}`];
  return ['java', ...flags, '-cp', join(jars, '*'), ...args];
}

/** Test files that start at once wait for the first of them. */
async function lockFolder(folder: string): Promise<FolderLock | undefined> {
  if (process.platform !== 'linux') return undefined;
  for (;;) {
    try {
      return FolderLock.take(folder);
    } catch (error) {
      if ((error as BpfleetError).code !== 'DATA_IN_USE') throw error;
      await delay(LOCK_POLL_MS);
    }
  }
}

/** Into a folder of its own first: a run that is cut short leaves nothing that looks complete. */
async function make(jars: string, made: string): Promise<void> {
  const unfinished = await mkdtemp(join(jars, 'unfinished-'));
  const data = join(unfinished, 'data');
  const settings = join(unfinished, 'server.properties');
  try {
    const [port, controllerPort] = (await freePorts(2, '127.0.0.1')) as [number, number];
    const address = { host: '127.0.0.1', port, controllerPort };
    await writeSettings(settings, { ...address, data });
    // A Kafka Uuid: 16 bytes in base64url. A leading dash would read as an option.
    const clusterId = `A${randomBytes(16).toString('base64url').slice(1)}`;
    const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', settings];
    const [java, ...args] = javaCommand(jars, unfinished, format);
    await run(java!, args);
    await mkdir(join(unfinished, 'made'));
    await run('cp', ['-a', data, join(unfinished, 'made', 'data')]);
    await dumpClasses(jars, unfinished, settings, port);
    await rename(join(unfinished, 'made'), made);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Starts a broker and ends it in order: what it has loaded by then is written. */
async function dumpClasses(jars: string, unfinished: string, settings: string, port: number): Promise<void> {
  const flag = `-XX:ArchiveClassesAtExit=${join(unfinished, 'made', 'classes.jsa')}`;
  const broker = new GuardedProcess(javaCommand(jars, unfinished, [flag, 'kafka.Kafka', settings]), '');
  try {
    await Promise.race([
      kafkaIsReady('127.0.0.1', port, READY_TIMEOUT_MS),
      broker.exited.then((output) => {
        throw new Error(`Kafka ended: ${output}`);
      }),
    ]);
    await broker.signal('SIGTERM');
    await broker.exited;
  } finally {
    await broker.stop({ keepFolder: true });
  }
}
