import type { Admin } from 'kafkajs';
import type pg from 'pg';
import { isRead } from '../rig/log-ends.js';
import { until } from './analytics-rig.js';

/** Analytics is at the end of each partition. */
export const untilRead = (pool: pg.Pool, admin: Admin, topic: string): Promise<void> =>
  until('the end of the log to be read', () => isRead(pool, admin, topic));
