import { backtestsApi } from './backtests.js';
import { identityConflictsApi } from './identity-conflicts.js';
import { importsApi } from './imports.js';
import { ledgerApi } from './ledger.js';
import { packetsApi } from './packets.js';
import { quarantineApi } from './quarantine.js';
import { storeStatusApi } from './store-status.js';

/** All that analytics answers under `/api/v1`. */
export const queryApi = {
  ...backtestsApi,
  ...identityConflictsApi,
  ...importsApi,
  ...ledgerApi,
  ...packetsApi,
  ...quarantineApi,
  ...storeStatusApi,
} as const;
