import { identityConflictsApi } from './identity-conflicts.js';
import { packetsApi } from './packets.js';

/** All that analytics answers under `/api/v1`. */
export const queryApi = {
  ...identityConflictsApi,
  ...packetsApi,
} as const;
