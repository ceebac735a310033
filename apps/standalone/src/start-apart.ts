import { fileURLToPath } from 'node:url';
import { AgentProcess, asUserInNamespace, createOpener, openerFolder } from '@bpfleet/capture-agent';
import { canCapture } from '@bpfleet/linux';
import { createLogger, loadConfig, makeFolder } from '@bpfleet/service';
import { agentConfig } from './agent-config.js';
import { StandaloneConfig } from './config.js';
import { openDataFolder } from './data-folder.js';
import { FrontServer } from './front-server.js';
import type { StandaloneOptions } from './options.js';
import { chooseSource } from './source.js';

const APART = fileURLToPath(new URL('./apart-main.js', import.meta.url));
/** Postgres and both services stop in it. */
const STOP_TIMEOUT_MS = 60_000;

/**
 * Started by root, bpfleet is two processes: this one decides what the kernel runs, the other is everything else, without
 * any capability. Resolves when that has ended.
 * @returns its exit code; undefined: here is nobody to separate from, or no way to
 * @throws BpfleetError what is refused before anything is written
 */
export async function startApart(options: StandaloneOptions, stopping: AbortSignal): Promise<number | undefined> {
  if (options.pcap !== undefined || !canCapture().ok || asUserInNamespace('/tmp') === undefined) return undefined;
  const config = loadConfig(StandaloneConfig, process.env);
  const logger = createLogger({ name: 'opener', level: config.logLevel, destination: process.stderr });
  const { agentSource } = await chooseSource(options);
  // Taken by the other process; when it is taken already, nothing is written.
  const port = new FrontServer({ listen: config.listen, port: options.port });
  await port.start();
  // What the other process will be reached at: our own traffic, which no filter may capture.
  const { url } = port;
  await port.stop();
  // One that the system chose: it would choose another one there.
  const chosenPort = options.port === 0 ? ['--port', new URL(url).port] : [];
  const { agent: agentFolder } = await openDataFolder(options.dataDir);
  const folder = openerFolder(agentFolder);
  await makeFolder(folder);
  let onFatal!: (error: unknown) => void;
  const failed = new Promise<never>((_, reject) => {
    onFatal = reject;
  });
  failed.catch(() => undefined);
  const opener = createOpener(agentConfig(options, agentFolder, url), agentSource, {
    isConfined: () => rest.isConfined,
    logger,
    onFatal,
  });
  let onEnd!: (how: string) => void;
  const ended = new Promise<string>((resolve) => {
    onEnd = resolve;
  });
  const rest: AgentProcess = new AgentProcess(opener, {
    ...{ entry: APART, args: [...process.argv.slice(2), ...chosenPort], env: process.env, logger },
    runAs: asUserInNamespace(folder)!,
    ...{ onEnd, stopTimeoutMs: STOP_TIMEOUT_MS },
  });
  stopping.addEventListener('abort', () => void rest.stop(), { once: true });
  try {
    await opener.start((event) => rest.tell(event));
    rest.start(onFatal);
    const how = await Promise.race([ended, failed]);
    return /^\d+$/.test(how) ? Number(how) : 1;
  } finally {
    await rest.stop();
    await opener.stop();
  }
}
