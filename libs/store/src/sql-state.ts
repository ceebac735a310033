/** PostgreSQL documentation, appendix A: the error codes we act on. */
export const SQL_STATE = {
  checkViolation: '23514',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  cannotConnectNow: '57P03',
} as const;

export function isSqlState(error: unknown, state: string): boolean {
  return error instanceof Error && (error as Error & { code?: unknown }).code === state;
}
