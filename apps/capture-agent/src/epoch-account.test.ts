import { describe, expect, it } from 'vitest';
import type { Attested, FilterOutcome } from './border/opener-port.js';
import type { CaptureCounters } from './capture/ring/capture-messages.js';
import { type AccountParts, EpochAccount } from './epoch-account.js';
import { noAmount } from './spool/amount.js';
import { type StoreFigures, storeFigures } from './spool/store-figures.js';

const amount = (packets: number) => ({ sections: 1, packets, bytes: 1 });
const errorOf = (code: string) => ({ code, message: '', at: '2026-01-01T00:00:00.000Z' });
const outcome = (state: FilterOutcome['state']): FilterOutcome => ({
  ...{ filter: 'web', version: 1, digest: `sha256:${'0'.repeat(64)}`, interface: 'eth0', linkType: 'EN10MB', state },
});
const counters: CaptureCounters = {
  ...{ taken: 0, sockets: [], versions: [], ended: { sockets: 0, passed: 0, dropped: 0, taken: 0 } },
};
const guardFigures = {
  ...{ windowMs: 1, cpuPercent: 0, memoryBytes: 0 },
  ...{ packetsPerSecond: 0, bytesPerSecond: 0, kernelDropsPerSecond: 0 },
};
const store = { waiting: noAmount, evicted: noAmount, evictedOf: new Map(), damaged: noAmount };

/** Of an epoch that began with 5 evicted packets; what is told of it can be changed. */
function account(before: Record<string, string> = {}, kind: 'ring' | 'file' = 'ring') {
  const told: Attested = { generation: 0, outcomes: [outcome('attested')], statements: [], troubles: [] };
  const nonces: (string | undefined)[] = [];
  const state = { told, figures: storeFigures(noAmount, [{ ...store, evicted: amount(5) }]) as StoreFigures };
  const parts: AccountParts = {
    opener: {
      isConfined: true,
      attest: async (nonce?: string) => {
        nonces.push(nonce);
        return state.told;
      },
    },
    interfaces: () => [{ name: 'eth0', index: 2, linkType: 'EN10MB', cooked: false, up: true }],
    source: { kind, troubles: ['unread'], mappedBytes: 0, counters: async () => counters },
    sections: {
      counts: [store, store],
      get figures() {
        return state.figures;
      },
      errors: [errorOf('SECTION_CORRUPT')],
      disk: { maxBytes: 7 },
    },
    guest: { step: 'headers', errors: [errorOf('OVER_BUDGET')] },
    guard: { read: () => guardFigures },
    gap: { interval: undefined, lost: 'the gap' },
    trouble: { errors: [errorOf('SERVER_UNREACHABLE')] },
    orders: { troubles: ['the orders'] },
    own: { trouble: 'the brokers' },
  };
  const config = { agentId: 'agent-1', agentLabels: {}, agentInterfaces: ['eth0', 'wlan0'] };
  return { state, nonces, account: new EpochAccount(config, 3, before, parts) };
}

describe('what an epoch tells of itself', () => {
  it('is what is wrong in each of its parts', async () => {
    const { state, account: ours } = account();
    state.told = { ...state.told, troubles: ['the identity'], notExcluded: '192.0.2.1 port 9092', asRoot: 'why' };
    const { errors } = await ours.status(undefined);
    expect(errors.map(({ code }) => code)).toEqual([
      ...[
        'SERVER_UNREACHABLE',
        'BROKERS_UNREACHABLE',
        'INTERFACE_UNKNOWN',
        'OVER_BUDGET',
        'DATA_NOT_WRITABLE',
        'DATA_NOT_WRITABLE',
      ],
      ...['OWN_TRAFFIC_CAPTURED', 'AGENT_AS_ROOT', 'SECTION_CORRUPT', 'SECTION_CORRUPT', 'ATTACH_REFUSED'],
    ]);
  });

  it('is nothing of interfaces where a file is replayed', () => {
    expect(account().account.interfaceErrors).toMatchObject([{ code: 'INTERFACE_UNKNOWN' }]);
    expect(account({}, 'file').account.interfaceErrors).toEqual([]);
  });

  it('is in the metrics what it lost itself, and what the one before left behind', async () => {
    const { state, account: ours } = account({ 'before-lost': '8', 'before-lost-in-memory': '3' });
    expect((await ours.figures()).lost).toEqual({ evicted: 0, damaged: 0, killed: 11 });
    state.figures = { ...state.figures, evicted: amount(9), damaged: amount(2) };
    expect((await ours.figures()).lost).toEqual({ evicted: 4, damaged: 2, killed: 11 });
    expect((await account().account.figures()).lost.killed).toBe(0);
  });

  it('is in the metrics what was looked at, though nobody takes a status, and nothing is signed for it', async () => {
    const { state, nonces, account: ours } = account();
    state.told = { ...state.told, generation: 4, outcomes: [outcome('attested'), outcome('diverged')] };
    expect(await ours.look()).toEqual(state.told.outcomes);
    expect(await ours.figures()).toMatchObject({ generation: 4, outcomes: state.told.outcomes });
    expect(nonces).toEqual([undefined]);
  });

  it('is in the metrics what the opener last told, which is not asked for them', async () => {
    const { state, nonces, account: ours } = account();
    expect(ours.carriedOut({ generation: 8, outcomes: [outcome('pending')] })).toBe(true);
    expect(ours.carriedOut({ generation: 8, outcomes: [outcome('pending')] })).toBe(false);
    expect(await ours.figures()).toMatchObject({
      ...{ epoch: 3, generation: 8, confined: true, step: 'headers', outcomes: [{ state: 'pending' }] },
    });
    expect(nonces).toEqual([]);
    state.told = { ...state.told, generation: 9, outcomes: [outcome('diverged')] };
    expect(await ours.status('nonce')).toMatchObject({ epoch: 3, generation: 9, filters: [{ state: 'diverged' }] });
    expect(await ours.figures()).toMatchObject({ generation: 9, outcomes: [{ state: 'diverged' }] });
    expect(ours.carriedOut({ generation: 9, outcomes: [] })).toBe(true);
    expect(nonces).toEqual(['nonce']);
  });
});
