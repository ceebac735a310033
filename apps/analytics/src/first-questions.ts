import { once } from 'node:events';
import { isIP } from 'node:net';
import { Deadline, type PacketAnswer, PacketQuery, packetMediaTypes, TopQuery } from '@bpfleet/contract';
import type { Logger } from '@bpfleet/service';
import type { FlowsService } from './flows/flows.service.js';
import type { PacketsService } from './packets/packets.service.js';

/** A start does not wait longer for them. */
const MOST_MS = 2_000;
/** A host of TEST-NET-1 (RFC 5737), which is not there, and what all packets match. */
const EXPRESSIONS = ['host 192.0.2.1', 'tcp port 443 and host 192.0.2.1', ''];
/** Asked about as well, where there are packets: V8 compiles for speed what has run some thousand times. */
const MOST_HOSTS = 32;

/**
 * Asks what users ask, before they do. The first question of a process pays for what all later ones use: connections and
 * Postgres' tables of what is in them, code that V8 compiles when it first runs. No answer is kept. Never fails.
 */
export async function firstQuestions(
  packets: Pick<PacketsService, 'answer'>,
  flows: Pick<FlowsService, 'top'>,
  logger: Pick<Logger, 'debug'>,
  mostMs = MOST_MS,
): Promise<void> {
  const deadline = new Deadline(mostMs);
  const { signal } = deadline;
  const answer = async (filter: string): Promise<string> => {
    const query = PacketQuery.parse({ filter });
    const { body } = await packets.answer(query, packetMediaTypes.json, Date.now(), signal);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  const ask = async (): Promise<void> => {
    let newest = '';
    for (const filter of EXPRESSIONS) newest = await answer(filter);
    await flows.top(TopQuery.parse({}), Date.now(), signal);
    // Last, since they may take all of the time.
    for (const host of hostsIn(newest)) await answer(`host ${host}`);
  };
  // Users' questions say by themselves what is wrong.
  const asked = ask().catch((error: unknown) => logger.debug({ err: error }, 'the first questions got no answer'));
  // What waits for a Postgres that is away may do so longer.
  await Promise.race([asked, once(signal, 'abort')]);
  deadline.clear();
}

function hostsIn(answer: string): string[] {
  const { packets } = JSON.parse(answer) as Pick<PacketAnswer, 'packets'>;
  const hosts = packets.flatMap(({ source, destination }) => [source, destination]);
  return [...new Set(hosts)].filter((host) => host !== undefined && isIP(host) !== 0).slice(0, MOST_HOSTS) as string[];
}
