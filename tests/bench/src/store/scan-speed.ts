import { type ApiClient, queryApi } from '@bpfleet/contract';

/** The index leaves out no section of the traffic for them, and nothing of it matches, so that nothing ends a scan before its range does. */
export const SCANNED_FOR = [
  'ether[12:2] = 0x0800 and ip[1] = 77',
  'portrange 1-21 or portrange 26-52 or portrange 81-122 or portrange 444-992 or portrange 994-3305 or portrange 3307-5431 ' +
    'or portrange 9093-32767 or portrange 61000-65535 or greater 2000 or less 20',
  'tcp[tcpflags] & (tcp-syn|tcp-rst) = 0 and tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420',
  'not (tcp or udp or arp) and not (ip6 and ip6[6] = 58 and ip6[40] >= 133)',
] as const;
/** Far more than a machine takes; the default would end a scan of all that is stored in its middle. */
const MOST_MS = 1_800_000;

export interface ScanSpeed {
  /** Packets per second of the slowest expression. */
  readonly value: number;
  /** Of the slowest and the fastest. */
  readonly spread: readonly [number, number];
  /** Packets that were read for all of them. */
  readonly n: number;
}

/** Reads all packets since a time, once for each expression. */
export async function scanSpeed(
  client: ApiClient,
  since: string,
  filters: readonly string[],
  now = () => performance.now(),
): Promise<ScanSpeed> {
  let n = 0;
  const speeds: number[] = [];
  for (const filter of filters) {
    const startMs = now();
    const packets = await packetsRead(client, since, filter);
    speeds.push((1000 * packets) / (now() - startMs));
    n += packets;
  }
  const slowest = Math.min(...speeds);
  return { value: slowest, spread: [slowest, Math.max(...speeds)], n };
}

async function packetsRead(client: ApiClient, since: string, filter: string): Promise<number> {
  const query = { filter, since, limit: 100, timeoutMs: MOST_MS };
  const { completeness } = await client.call(queryApi.listPackets, { query });
  const { packetsScanned, rangeScanned, stoppedBy } = completeness;
  if (!rangeScanned) throw new Error(`${filter}: read ${packetsScanned} packets and no more, because of ${stoppedBy}`);
  return packetsScanned;
}
