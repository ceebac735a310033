import type { Command } from 'commander';
import { servers, withServers } from '../../servers.js';
import { print, type Terminal } from '../../terminal.js';

/** `bpfleet quarantine retry ID...` */
export function quarantineRetry(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('retry')
    .argument('<id...>', 'of records, as `bpfleet quarantine list` names them')
    .description('publish records again; what is still wrong with one puts it into quarantine again');
  withServers(command).action(async (ids: string[]) => {
    const { analytics, queryApi } = await servers(command, terminal);
    for (const id of ids) {
      const { reason } = await analytics.call(queryApi.retryQuarantined, { path: { id }, signal: terminal.signal });
      await print(terminal.out, `${id} published again (it was ${reason})\n`);
    }
  });
}
