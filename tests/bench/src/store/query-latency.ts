import type { ApiClient } from '@bpfleet/contract';
import { queryApi } from '@bpfleet/contract';
import { type Random } from '@bpfleet/test-environment/live-traffic';
import type pg from 'pg';

export const HOSTS_PER_CLASS = 32;
export const hostClasses = ['heavy', 'medium', 'rare', 'absent'] as const;
export type HostClass = (typeof hostClasses)[number];
export type Hosts = Readonly<Record<HostClass, readonly string[]>>;

/** Random hosts of each class, by how many packets the store has of them. */
export async function chooseHosts(pool: pg.Pool, random: Random): Promise<Hosts> {
  const { rows } = await pool.query<{ host: string; packets: string }>(`
    SELECT host(host) AS host, sum(packets) AS packets FROM (
      SELECT unnest(ARRAY[source, destination]) AS host, packets FROM analytics.flow_direction
      WHERE first_ns > extract(epoch FROM now() - interval '1 hour') * 1000000000
    ) AS ends GROUP BY 1 ORDER BY 2 DESC, 1`);
  const known = new Set(rows.map(({ host }) => host));
  const within = (from: number, to: number) => {
    const some = rows.filter(({ packets }) => Number(packets) >= from && Number(packets) <= to).map(({ host }) => host);
    return Array.from(
      { length: Math.min(HOSTS_PER_CLASS, some.length) },
      () => some.splice(Math.floor(random() * some.length), 1)[0]!,
    );
  };
  const heaviest = Number(rows[Math.min(rows.length, 2 * HOSTS_PER_CLASS) - 1]?.packets ?? 0);
  const absent: string[] = [];
  while (absent.length < HOSTS_PER_CLASS) {
    const host = `${[10, 45][absent.length % 2]}.${Math.floor(random() * 256)}.${Math.floor(random() * 256)}.${Math.floor(random() * 256)}`;
    if (!known.has(host)) absent.push(host);
  }
  return {
    heavy: within(heaviest, Number.POSITIVE_INFINITY),
    medium: within(500, 3000),
    rare: within(20, 300),
    absent,
  };
}

/** Milliseconds of each query, from the request to the last byte of the answer. */
export async function newest100(client: ApiClient, hosts: readonly string[]): Promise<number[]> {
  const times: number[] = [];
  for (const host of hosts) {
    const start = performance.now();
    await client.call(queryApi.listPackets, { query: { filter: `host ${host}`, since: '-1h', limit: 100 } });
    times.push(performance.now() - start);
  }
  return times;
}

/** Per cent of the sections of the last hour that the index does not rule out for hosts that are not there. */
export async function notRuledOut(
  client: ApiClient,
  absent: readonly string[],
): Promise<{ percent: number; sections: number }> {
  let [scanned, sections] = [0, 0];
  for (const host of absent) {
    const query = { filter: `host ${host}`, since: '-1h', limit: 100 };
    const { completeness } = await client.call(queryApi.listPackets, { query });
    scanned += completeness.sectionsScanned;
    sections += completeness.sectionsScanned + completeness.sectionsPruned;
  }
  return { percent: (100 * scanned) / sections, sections };
}

/** The hosts of all classes, in turn. */
export const mixed = (hosts: Hosts): string[] =>
  Array.from({ length: HOSTS_PER_CLASS }, (_, index) => hostClasses.map((name) => hosts[name][index]))
    .flat()
    .filter((host) => host !== undefined);
