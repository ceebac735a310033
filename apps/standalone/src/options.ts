import { resolve } from 'node:path';
import { InterfacePatterns } from '@bpfleet/contract';
import { Command, CommanderError, InvalidArgumentError } from 'commander';

export interface StandaloneOptions {
  /** Patterns of interfaces to capture on; undefined: loopback, where the demo's traffic is. */
  readonly interfaces: readonly string[] | undefined;
  readonly pcap: string | undefined;
  readonly dataDir: string;
  readonly port: number;
  readonly demo: boolean;
  readonly once: boolean;
}

export const DEFAULT_PORT = 7420;

/** @returns what was asked for, or the exit code when commander has answered already (`--help`, wrong usage) */
export function parseOptions(argv: readonly string[]): StandaloneOptions | { readonly exitCode: number } {
  const command = new Command('npm start --')
    .description('Runs all of bpfleet in one process: Postgres, filter-manager, analytics and a capture agent.')
    .option('-i, --interface <names>', 'capture there: names or patterns, comma separated; implies --no-demo', names)
    .option('--pcap <file>', 'replay a capture file instead of capturing; implies --no-demo')
    .option('--data <dir>', 'keep everything that is stored here', 'data')
    .option('-p, --port <port>', 'serve the API on this port', port, DEFAULT_PORT)
    .option('--no-demo', 'make no traffic on loopback')
    .option('--once', 'exit 0 after printing the first stored packet, 1 after a minute without one', false)
    .allowExcessArguments(false)
    .exitOverride();
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2 };
    throw error;
  }
  const given = command.opts<{
    interface?: string[];
    pcap?: string;
    data: string;
    port: number;
    demo: boolean;
    once: boolean;
  }>();
  return {
    interfaces: given.interface,
    pcap: given.pcap === undefined ? undefined : resolve(given.pcap),
    dataDir: resolve(given.data),
    port: given.port,
    demo: given.demo && given.interface === undefined && given.pcap === undefined,
    once: given.once,
  };
}

function names(text: string): string[] {
  const patterns = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (!InterfacePatterns.safeParse(patterns).success)
    throw new InvalidArgumentError('name an interface, such as eth0.');
  return patterns;
}

function port(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > 65_535) throw new InvalidArgumentError('a port is a number from 0 to 65535.');
  return number;
}
