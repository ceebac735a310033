import { BpfleetError } from '@bpfleet/errors';
import { matchesPatterns } from '@bpfleet/linux';
import { describe, expect, it } from 'vitest';
import { onNoInterface } from './on-no-interface.js';
import type { VerifiedEntry } from './verify-desired.js';

const interfaces = [
  { name: 'eth0', up: true },
  { name: 'eth1', up: false },
  { name: 'eth2', up: false },
  { name: 'docker0', up: true },
];
const mayOpen = (name: string): boolean => name !== 'docker0';
const wished = (...patterns: string[]): VerifiedEntry =>
  ({ digest: 'sha256:1', interfaces: patterns, bundle: { filter: 'web', version: 3 } }) as unknown as VerifiedEntry;
const rows = (...entries: VerifiedEntry[]) =>
  onNoInterface({ entries, refused: [], interfaces, mayOpen, matches: matchesPatterns });

describe('a filter that is wished for where there is nothing to capture on', () => {
  it('has one row, with what it was wished for and what there is', () => {
    expect(rows(wished('eth9', 'wlan*'))).toEqual([
      {
        ...{ filter: 'web', version: 3, digest: 'sha256:1', interface: 'eth9,wlan*', linkType: 'unknown' },
        state: 'not applicable',
        reason: 'no interface of this host has such a name; there are: eth0, eth1, eth2, docker0',
      },
    ]);
  });

  it('has none where one of its interfaces is up', () => {
    expect(rows(wished('eth*'), wished('*'))).toEqual([]);
  });

  it('says of an interface that it is down, or not to be opened', () => {
    const reasons = rows(wished('eth1', 'docker0'), wished('eth2')).map(({ reason }) => reason);
    expect(reasons).toEqual(['eth1 is down, docker0 is not among BPFLEET_AGENT_INTERFACES', 'eth2 is down']);
  });

  it('is told also of one that is refused anyway', () => {
    const error = new BpfleetError('BUNDLE_INVALID', 'too new');
    const refused = { digest: 'sha256:2', interfaces: ['eth9'], named: { filter: 'dns', version: 1 }, error };
    expect(
      onNoInterface({ entries: [], refused: [refused], interfaces, mayOpen, matches: matchesPatterns }),
    ).toHaveLength(1);
  });

  it('shows no more of long lists than a row has room for', () => {
    const many = Array.from({ length: 500 }, (_, number) => `veth${number}`);
    const [row] = onNoInterface({
      ...{ entries: [wished(...many)], refused: [], mayOpen, matches: matchesPatterns },
      interfaces: many.map((name) => ({ name: `x${name}`, up: true })),
    });
    expect([row!.interface.length, row!.reason!.length]).toEqual([128, 128]);
  });
});
