import { setTimeout as delay } from 'node:timers/promises';
import { type ApiClient, type PacketRow, queryApi } from '@bpfleet/contract';

const POLL_MS = 100;
const ROWS = 10;

/**
 * Asks until packets of this run are stored.
 * @param since what the query may reach back to: a replayed recording keeps its own times
 * @returns the newest ones, or none when `signal` aborted first
 */
export async function firstAnswer(
  client: ApiClient,
  run: { readonly agent: string; readonly epoch: number; readonly since: string },
  signal: AbortSignal,
): Promise<PacketRow[]> {
  // A packet's id begins with agent and epoch; each start is an epoch of its own.
  const ofThisRun = `${run.agent}.${run.epoch}.`;
  while (!signal.aborted) {
    const query = { since: run.since, limit: ROWS };
    const { packets } = await client.call(queryApi.listPackets, { query });
    const fresh = packets.filter((packet) => packet.id.startsWith(ofThisRun));
    if (fresh.length > 0) return fresh;
    await delay(POLL_MS, undefined, { signal }).catch(ignoreAbort);
  }
  return [];
}

/** Oldest first, as tcpdump prints. */
export function packetTable(packets: readonly PacketRow[]): string {
  const rows = packets.map((packet) => [
    packet.at.slice(11, 23),
    packet.agent,
    packet.interface,
    packet.filters.join(','),
    packet.summary,
  ]);
  const all = [['TIME', 'AGENT', 'INTERFACE', 'FILTER', 'PACKET'], ...rows.reverse()];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
