import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { FilterOutcome } from './border/opener-port.js';
import { type LedgerFigures, ledgerMetrics, MOST_VERSIONS } from './ledger-metrics.js';

const outcome = (filter: string, version: number, device: string): FilterOutcome => ({
  ...{ filter, version, interface: device, digest: '', linkType: 'EN10MB', state: 'attested' as const },
});
const row = (version: string, device: string, matched: number) => ({
  ...{ version, interface: device, matched, step: 'sampled' as const },
  ...{ stored: 0, storedBytes: 0, truncated: 0, sampledOut: 0, budgetDropped: 0 },
});
const none: LedgerFigures = {
  counters: { taken: 0, sockets: [], versions: [], ended: { sockets: 0, passed: 0, dropped: 0, taken: 0 } },
  ...{ outcomes: [], epoch: 3, generation: 9, confined: true, step: 'headers' },
  lost: { evicted: 0, damaged: 0, killed: 0 },
};

describe('ledgerMetrics', () => {
  async function scraped(figures: Partial<LedgerFigures>, ...more: Partial<LedgerFigures>[]): Promise<string[]> {
    const registry = new Registry();
    const scrapes = [figures, ...more];
    let index = 0;
    ledgerMetrics(registry, async () => ({ ...none, ...scrapes[index++] }));
    let text = '';
    for (const _ of scrapes) text = await registry.metrics();
    // One look for all series.
    expect(index).toBe(scrapes.length);
    return text.split('\n').filter((line) => line.startsWith('bpfleet_agent_'));
  }

  it('adds up a version on all its interfaces, and says how little is kept of those that run', async () => {
    const versions = [
      row('web@2', 'eth0', 10),
      row('web@2', 'eth1', 5),
      row('web@1', 'eth0', 7),
      row('gone', 'gone', 99),
    ];
    const outcomes = [outcome('web', 2, 'eth0'), outcome('web', 2, 'eth1')];
    const lines = await scraped({ outcomes, counters: { ...none.counters, versions } });
    expect(lines.filter((line) => line.includes('_matched_'))).toEqual([
      'bpfleet_agent_filter_matched_packets_total{filter="web",version="2"} 15',
      'bpfleet_agent_filter_matched_packets_total{filter="web",version="1"} 7',
    ]);
    expect(lines.filter((line) => line.includes('_step'))).toEqual([
      'bpfleet_agent_filter_budget_step{filter="web",version="2"} 2',
      'bpfleet_agent_budget_step 1',
    ]);
    expect(lines).toContain('bpfleet_agent_filters{state="attested"} 2');
    expect(lines).toContain('bpfleet_agent_filters{state="refused"} 0');
    expect(lines).toEqual(expect.arrayContaining(['bpfleet_agent_epoch 3', 'bpfleet_agent_confined 1']));
  });

  it('has series of so many versions, first of those that run', async () => {
    const versions = Array.from({ length: MOST_VERSIONS + 9 }, (_, index) => row(`web@${index + 1}`, 'eth0', index));
    const last = MOST_VERSIONS + 9;
    const lines = await scraped({ outcomes: [outcome('web', last, 'eth0')], counters: { ...none.counters, versions } });
    const matched = lines.filter((line) => line.includes('_matched_'));
    expect(matched).toHaveLength(MOST_VERSIONS);
    expect(matched[0]).toContain(`version="${last}"`);
  });

  it('never counts less than before as lost', async () => {
    const lost = (damaged: number) => ({ lost: { evicted: 1, damaged, killed: 2 } });
    expect((await scraped(lost(5), lost(3))).filter((line) => line.includes('_lost_'))).toEqual([
      'bpfleet_agent_lost_packets_total{reason="evicted"} 1',
      'bpfleet_agent_lost_packets_total{reason="damaged"} 5',
      'bpfleet_agent_lost_packets_total{reason="killed"} 2',
    ]);
  });
});
