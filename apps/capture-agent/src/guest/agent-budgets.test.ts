import { describe, expect, it } from 'vitest';
import { AgentBudgets } from './agent-budgets.js';

const configured = {
  ...{ agentCpuPercent: 100, agentMemoryBytes: 512, agentSpoolBytes: 1024, agentSendBytesPerSecond: 64 },
};
const newKeepers = () => ({
  guest: { budget: { cpuPercent: 0, memoryBytes: 0 } },
  disk: { maxBytes: 0 },
  sender: { bytesPerSecond: 0 },
});
const asConfigured = {
  guest: { budget: { cpuPercent: 100, memoryBytes: 512 } },
  disk: { maxBytes: 1024 },
  sender: { bytesPerSecond: 64 },
};

describe('the budgets of an agent', () => {
  it('are as it is configured until a state wishes otherwise', () => {
    const keepers = newKeepers();
    new AgentBudgets(configured, keepers).keepTo({});
    expect(keepers).toEqual(asConfigured);
  });

  it.each([
    ['of the processor', { cpuPercent: 7 }, { guest: { budget: { cpuPercent: 7, memoryBytes: 512 } } }],
    ['of memory', { memoryBytes: 7 }, { guest: { budget: { cpuPercent: 100, memoryBytes: 7 } } }],
    ['of the disk', { spoolBytes: 7 }, { disk: { maxBytes: 7 } }],
    ['of the network', { sendBytesPerSecond: 7 }, { sender: { bytesPerSecond: 7 } }],
  ])('change %s alone where a state wishes for no other, and back with the next', (_, wished, changed) => {
    const keepers = newKeepers();
    const budgets = new AgentBudgets(configured, keepers);
    budgets.keepTo(wished);
    expect(keepers).toEqual({ ...asConfigured, ...changed });
    budgets.keepTo({});
    expect(keepers).toEqual(asConfigured);
  });

  it('have no end of the network where 0 is configured and a state wishes for none', () => {
    const keepers = newKeepers();
    const budgets = new AgentBudgets({ ...configured, agentSendBytesPerSecond: 0 }, keepers);
    budgets.keepTo({ sendBytesPerSecond: 7 });
    expect(keepers.sender.bytesPerSecond).toBe(7);
    budgets.keepTo({});
    expect(keepers.sender.bytesPerSecond).toBe(Number.POSITIVE_INFINITY);
  });
});
