import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const pom = join(root, 'tools/kafka/pom.xml');
export const kafkaFolder = join(root, '.tools/kafka');

/** The folder of Apache Kafka's jars. Fetched from Maven Central once per version of `tools/kafka/pom.xml`. */
export async function kafkaJars(): Promise<string> {
  const wanted = await readFile(pom, 'utf8');
  const jars = join(kafkaFolder, 'jars');
  const isComplete = await readFile(join(jars, 'pom.xml'), 'utf8').then(
    (kept) => kept === wanted,
    () => false,
  );
  if (!isComplete) await fetchJars(jars, wanted);
  return jars;
}

/** Into a folder of its own first: a run that is cut short leaves nothing that looks complete. */
async function fetchJars(jars: string, wanted: string): Promise<void> {
  const unfinished = await mkdtemp(join(kafkaFolder, 'unfinished-'));
  try {
    const copy = ['dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`, '-DincludeScope=runtime'];
    await run('mvn', ['-q', '-B', '-f', pom, ...copy], { timeout: 300_000 });
    if (!(await readdir(unfinished)).some((name) => name.startsWith('kafka_')))
      throw new Error('Maven copied no Kafka');
    await writeFile(join(unfinished, 'pom.xml'), wanted);
    await rm(jars, { recursive: true, force: true });
    await rename(unfinished, jars);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
