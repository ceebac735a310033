import type { AgentConfig } from '@bpfleet/capture-agent';
import { expect } from 'vitest';

export const MIB = 1024 ** 2;
/** What an idle agent holds, both processes: below the 0.7 of its budget from which on it collects garbage. */
const IDLE_BYTES = 145e6;
const COLLECT_ABOVE = 0.7;
/** Of the three seconds over the budget before filters keep less, and of /tmp. */
const ROOM_BYTES = 48 * MIB;

/** The agent's own steps must come before the kernel ends it for what it took. */
export function expectAgentFits({ agentMemoryBytes, agentRingBytes }: AgentConfig, limitBytes: number): void {
  expect(agentMemoryBytes + agentRingBytes + ROOM_BYTES).toBeLessThanOrEqual(limitBytes);
  expect(agentMemoryBytes * COLLECT_ABOVE).toBeGreaterThan(IDLE_BYTES);
}
