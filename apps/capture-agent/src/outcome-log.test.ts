import { beforeEach, describe, expect, it } from 'vitest';
import type { FilterOutcome } from './border/opener-port.js';
import { OutcomeLog } from './outcome-log.js';

const outcome = (device: string, state: FilterOutcome['state'], reason?: string): FilterOutcome => ({
  ...{ filter: 'web', version: 3, digest: 'sha256:1', interface: device, linkType: 'EN10MB', state },
  ...(reason ? { reason } : {}),
});
const runs = outcome('eth0', 'attested');
const none = outcome('eth9', 'not applicable', 'no interface of this host has such a name; there are: eth0');

describe('the log of what becomes of filters', () => {
  let lines: string[];
  let log: OutcomeLog;
  beforeEach(() => {
    lines = [];
    const say = (level: string) => (facts: object, text?: string) => {
      const { interface: device, reason } = facts as FilterOutcome;
      lines.push([level, device, text, ...(reason ? [reason] : [])].join(' '));
    };
    log = new OutcomeLog({ info: say('info'), warn: say('warn') } as unknown as ConstructorParameters<
      typeof OutcomeLog
    >[0]);
  });

  it('tells of each filter of a new state, and warns of those that do not run', () => {
    log.carriedOut([runs, none]);
    expect(lines).toEqual(['info eth0 filter desired', `warn eth9 filter does not run ${none.reason}`]);
  });

  it('tells of a change once, when it begins and when it ends', () => {
    log.carriedOut([runs]);
    const gone = outcome('eth0', 'not applicable', 'eth0 is down');
    for (const outcomes of [[runs], [gone], [gone], [runs], [runs]]) log.changed(outcomes);
    expect(lines.slice(1)).toEqual(['warn eth0 filter does not run eth0 is down', 'info eth0 filter runs again']);
  });

  it('tells of one that ran nowhere by the interface that it runs on now, and not of one that is not wished for any more', () => {
    log.carriedOut([none]);
    log.changed([outcome('eth10', 'pending')]);
    log.changed([none]);
    log.changed([]);
    expect(lines.slice(1)).toEqual(['info eth10 filter runs again', `warn eth9 filter does not run ${none.reason}`]);
  });

  it('tells of another reason', () => {
    log.carriedOut([none]);
    log.changed([none]);
    log.changed([{ ...none, reason: 'eth9 is down' }]);
    expect(lines.slice(1)).toEqual(['warn eth9 filter does not run eth9 is down']);
  });
});
