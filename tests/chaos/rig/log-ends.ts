import type { Admin } from 'kafkajs';
import type pg from 'pg';

/** Where each partition of a topic ends. */
export async function endsOf(admin: Admin, topic: string): Promise<Map<number, string>> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return new Map(offsets.map(({ partition, high }) => [partition, high]));
}

/** Where analytics goes on in each partition that it has read. */
export async function positionsOf(pool: pg.Pool): Promise<Map<number, string>> {
  const { rows } = await pool.query<{ partition: number; next: string }>(
    'SELECT partition, next FROM analytics.position',
  );
  return new Map(rows.map(({ partition, next }) => [partition, next]));
}

/** Analytics is at the end of each partition. */
export async function isRead(pool: pg.Pool, admin: Admin, topic: string): Promise<boolean> {
  const positions = await positionsOf(pool);
  return [...(await endsOf(admin, topic))].every(([partition, end]) => end === (positions.get(partition) ?? '0'));
}
