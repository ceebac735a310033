import { BpfleetError } from '@bpfleet/errors';

/** Why a port could not be opened, as a person can act on it. Same for every server of ours. */
export function listenError(cause: unknown, host: string, port: number): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return new BpfleetError('PORT_TAKEN', `port ${port} on ${host} is taken`, {
        cause,
        hint: `stop the process that holds it (ss -ltnp "sport = :${port}"), or set BPFLEET_PORT to a free one`,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new BpfleetError('CONFIG_INVALID', `this host has no address ${host}`, {
        cause,
        hint: 'set BPFLEET_LISTEN to an address of this host: 127.0.0.1, or 0.0.0.0 for all of them',
      });
    case 'EACCES':
      return new BpfleetError('CONFIG_INVALID', `this user may not listen on port ${port}`, {
        cause,
        hint: 'ports below 1024 are for root: set BPFLEET_PORT to a higher one',
      });
    default:
      return cause;
  }
}
