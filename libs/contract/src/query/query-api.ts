import { backtestsApi } from './backtests.js';
import { flowsApi } from './flows.js';
import { identityConflictsApi } from './identity-conflicts.js';
import { importsApi } from './imports.js';
import { ledgerApi } from './ledger.js';
import { packetsApi } from './packets.js';
import { quarantineApi } from './quarantine.js';
import { storeStatusApi } from './store-status.js';
import { tailApi } from './tail.js';
import { timelineApi } from './timeline.js';
import { topApi } from './top.js';

/** All that analytics answers under `/api/v1`. */
export const queryApi = {
  ...flowsApi,
  ...backtestsApi,
  ...identityConflictsApi,
  ...importsApi,
  ...ledgerApi,
  ...packetsApi,
  ...quarantineApi,
  ...storeStatusApi,
  ...tailApi,
  ...timelineApi,
  ...topApi,
} as const;
