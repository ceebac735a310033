import { setTimeout as delay } from 'node:timers/promises';
import { type ApiClient, packetMediaTypes, queryApi } from '@bpfleet/contract';
import { expect } from 'vitest';
import { numbersIn } from './numbered-traffic.js';

const SETTLE_MS = 1000;

/** Resolves when nothing more is stored: what was sent last is on its way for a moment. */
export async function untilSettled(client: ApiClient, filter: string): Promise<void> {
  const query = { version: filter, since: '-1h', limit: 1 };
  const newest = async () => (await client.call(queryApi.listPackets, { query })).packets[0]?.id;
  for (let before = await newest(), now: string | undefined; before !== now; ) {
    now = before;
    await delay(SETTLE_MS);
    before = await newest();
  }
}

/**
 * No stored packet twice: by (agent, epoch, seq, index), and by the number in its bytes.
 * @returns how many are stored
 */
export async function expectStoredOnce(client: ApiClient, filter: string): Promise<number> {
  const query = { version: filter, since: '-1h', limit: 1_000_000 };
  const rows = await client.send(queryApi.listPackets, { query, headers: { accept: packetMediaTypes.ndjson } });
  const ids = (await rows.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { id?: string }).id)
    .filter((id) => id !== undefined);
  expect(ids.length - new Set(ids).size).toBe(0);
  const file = await client.send(queryApi.listPackets, { query, headers: { accept: packetMediaTypes.pcapng } });
  const numbers = numbersIn(new Uint8Array(await file.arrayBuffer()));
  expect(numbers.length - new Set(numbers).size).toBe(0);
  expect(numbers).toHaveLength(ids.length);
  return ids.length;
}

/** Epoch of the newest stored packet, 0 while there is none. Grows with each start of the agent. */
export async function newestEpoch(client: ApiClient, filter: string): Promise<number> {
  const query = { version: filter, since: '-1h', limit: 1 };
  const { packets } = await client.call(queryApi.listPackets, { query });
  return Number(packets[0]?.id.split('.').at(-3) ?? 0);
}
