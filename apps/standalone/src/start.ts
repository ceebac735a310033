import { Deadline } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { createLogger, loadConfig, type Running } from '@bpfleet/service';
import { cliHints } from './cli-hints.js';
import { StandaloneConfig } from './config.js';
import { applyFirstFilter, firstFilter } from './demo/first-filter.js';
import { DemoTraffic } from './demo/traffic.js';
import { firstAnswer, packetTable } from './first-answer.js';
import type { StandaloneOptions } from './options.js';
import type { Standalone } from './standalone.js';

/** How long `--once` waits for a packet. */
const ONCE_TIMEOUT_MS = 60_000;
/** The longest a timer can be: 24 days. */
const FOR_EVER_MS = 2 ** 31 - 1;

const say = (text = ''): void => void process.stdout.write(`${text}\n`);

/**
 * Starts everything, shows the first answer, and hands back what runs; with `--once` nothing does any more.
 * @param stopApart what to do when the opener says so, which is the process that started this one
 */
export async function start(
  asked: StandaloneOptions,
  stopping: AbortSignal,
  stopApart?: () => void,
): Promise<Running | undefined> {
  const config = loadConfig(StandaloneConfig, process.env);
  // To stderr: stdout is for the answer.
  const logger = createLogger({ name: 'standalone', level: config.logLevel, destination: process.stderr });
  // Only now: loading all of it takes a second, and whoever mistyped an option should not wait for that.
  const { Standalone } = await import('./standalone.js');
  const standalone = new Standalone(asked, config, logger, stopApart);
  const traffic = new DemoTraffic();
  const stop = async (): Promise<void> => {
    await traffic.stop();
    await standalone.stop();
  };
  // A signal in the middle of the start: what has begun is stopped, the rest does not begin.
  const interrupted = (): void => void stop().catch((err) => logger.error({ err }, 'stop failed'));
  stopping.addEventListener('abort', interrupted, { once: true });
  try {
    await standalone.start();
    if (stopping.aborted) return { stop };
    await showFirstAnswer(asked, standalone, traffic, stopping);
    if (asked.once) {
      await stop();
      return undefined;
    }
  } catch (error) {
    await stop();
    // What was under way when Ctrl-C came has failed, of course.
    if (stopping.aborted) return undefined;
    throw error;
  } finally {
    stopping.removeEventListener('abort', interrupted);
  }
  return { stop, failed: standalone.failed };
}

async function showFirstAnswer(
  asked: StandaloneOptions,
  standalone: Standalone,
  traffic: DemoTraffic,
  stopping: AbortSignal,
): Promise<void> {
  const { client, source, url } = standalone;
  say(`bpfleet runs at ${url}. ${source.says}`);
  if (asked.demo && source.kind === 'live') await traffic.start();
  const filter = firstFilter(asked, source, traffic);
  if (filter) {
    const { version } = await applyFirstFilter(client, filter);
    say(`Filter ${filter.name}@${version}: ${filter.expression || '(everything)'}`);
  }
  if (filter === undefined && !asked.once) return showHints(url);
  const giveUp = new Deadline(asked.once ? ONCE_TIMEOUT_MS : FOR_EVER_MS, stopping);
  const waiting = firstAnswer(client, { ...standalone.run, since: source.since }, giveUp.signal);
  const packets = await Promise.race([waiting, standalone.failed]).finally(() => giveUp.clear());
  if (stopping.aborted) return;
  if (packets.length === 0) throw nothingStored(filter?.expression);
  say();
  say(packetTable(packets));
  showHints(url);
}

function showHints(url: string): void {
  say();
  for (const hint of cliHints(url)) say(hint);
}

function nothingStored(expression: string | undefined): BpfleetError {
  return new BpfleetError('NOT_FOUND', 'no packet was stored within a minute', {
    hint: expression
      ? `is there traffic that matches "${expression}"?`
      : 'is there traffic, and a filter that matches it?',
  });
}
