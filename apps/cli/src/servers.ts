import type { Command } from 'commander';
import { patientFetch } from './patient-fetch.js';
import type { Terminal } from './terminal.js';

const DEFAULT_SERVER = 'http://127.0.0.1:7420';

/** Adds `--server` and `--analytics-server`; also on the root, so that they may stand before the command. */
export function withServers(command: Command): Command {
  return command
    .option('--server <url>', `address of filter-manager (BPFLEET_SERVER; default ${DEFAULT_SERVER})`)
    .option('--analytics-server <url>', 'address of analytics (BPFLEET_ANALYTICS_SERVER; default: the same server)');
}

/**
 * The two clients a command may need. The contract and zod are loaded here and not at the top: `bpfleet --help` and
 * `bpfleet compile` work without them.
 */
export async function servers(command: Command, terminal: Terminal) {
  const { ApiClient, controlApi, isServerAddress, queryApi } = await import('@bpfleet/contract');
  const server = address(command, 'server') ?? (terminal.env.BPFLEET_SERVER || DEFAULT_SERVER);
  const analytics = address(command, 'analyticsServer') ?? (terminal.env.BPFLEET_ANALYTICS_SERVER || server);
  const checked = (text: string): string => {
    if (isServerAddress(text)) return text;
    return command.error(
      `error: "${text}" is not the address of a server; write it as ${DEFAULT_SERVER}, without a path`,
    );
  };
  return {
    control: new ApiClient({ server: checked(server), fetch: patientFetch }),
    analytics: new ApiClient({ server: checked(analytics), fetch: patientFetch }),
    controlApi,
    queryApi,
  };
}
export type Servers = Awaited<ReturnType<typeof servers>>;

/** The option on the command itself wins over the one before it. */
function address(command: Command | null, name: 'server' | 'analyticsServer'): string | undefined {
  if (!command) return undefined;
  return (command.opts()[name] as string | undefined) ?? address(command.parent, name);
}

/** Reads every page of a list. */
export async function everyItem<T>(
  page: (query: { limit: number; cursor?: string }) => Promise<{ items: T[]; next?: string | undefined }>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const answer = await page({ limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...answer.items);
    cursor = answer.next;
  } while (cursor !== undefined);
  return items;
}
