import { AgentLedger } from '@bpfleet/contract';
import { describe, expect, it } from 'vitest';
import { LedgerController } from './ledger.controller.js';
import { MemoryLedger } from './memory-ledger.js';

const epoch = { agent: 'host-1', epoch: 1, firstNs: 1n, lastNs: 2n, sections: 1, packets: 10, lastSeq: 0 };
const counted = { captured: 10, kept: 10, dropped: 0, leftOut: 0, endedSeq: undefined };
const nothing = { droppedByKernel: 0, lostByAgents: 0, sectionsMissing: 0, packetsMissing: 0 };

describe('LedgerController', () => {
  const controllerOf = (...epochs: object[]) => {
    const ledger = new MemoryLedger();
    const account = { agent: 'host-1', losses: nothing, recordsQuarantined: 0, missing: [] };
    ledger.agents = [{ ...account, epochs: epochs.map((one) => ({ ...epoch, ...counted, ...one })) }];
    return new LedgerController(ledger);
  };
  const ask = async (controller: LedgerController) =>
    (await controller.getLedger({ query: { limit: 10 } } as never)).agents[0]!;

  it('answers within the contract, whatever an agent says it has captured', async () => {
    const most = 999_999_999_999_999;
    const epochs = Array.from({ length: 20 }, (_, n) => ({ epoch: n, captured: most }));
    const answer = await ask(controllerOf(...epochs));
    expect(AgentLedger.safeParse(answer).error).toBeUndefined();
  });

  it('takes no time from an epoch of which nothing is stored', async () => {
    const told = { epoch: 2, sections: 0, packets: 0, lastSeq: -1, firstNs: 0n, lastNs: 9_000_000_000n };
    expect(await ask(controllerOf({}, told))).toMatchObject({
      ...{ epochs: 2, firstPacketAt: '1970-01-01T00:00:00.000000001Z', lastPacketAt: '1970-01-01T00:00:00.000000002Z' },
    });
  });
});
