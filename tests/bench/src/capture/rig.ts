import { agentNodeOptions } from '@bpfleet/capture-agent';
import { threadTimesNs } from './cpu-time.js';
import type { RigFilter, RigQuestions } from './rig-process.js';
import { TalkingChild } from './talking-child.js';
import { type Captured, type Capturer, RECEIVER_PROCESSOR, type Wire } from './wire.js';

/** Ours: the agent's capture from the ring into the spool, in one process that lives through all rounds. */
export class Rig {
  #child!: TalkingChild<RigQuestions>;

  start(wire: Wire): void {
    // For profiles: BPFLEET_BENCH_NODE_OPTIONS='--cpu-prof --cpu-prof-dir=/tmp/profile'.
    const more = process.env.BPFLEET_BENCH_NODE_OPTIONS?.split(' ') ?? [];
    const node = [...agentNodeOptions, ...more];
    this.#child = new TalkingChild('./rig-process.js', RECEIVER_PROCESSOR, { args: [wire.host.namespacePath], node });
  }

  /** Captures with these filters; between rounds it captures nothing, so that peers have the cable alone. */
  with(name: string, filters: readonly RigFilter[]): Capturer {
    return { name, capture: (_, traffic) => this.#capture(filters, traffic) };
  }

  async stop(): Promise<void> {
    await this.#child?.stop();
  }

  async #capture(filters: readonly RigFilter[], traffic: () => Promise<void>): Promise<Captured> {
    const child = this.#child;
    await child.ask('desire', filters);
    const before = threadTimesNs(child.pid);
    await traffic();
    const after = threadTimesNs(child.pid);
    const { taken } = await child.ask('counters');
    await child.ask('desire', []);
    // As peers say what they wrote: what is lost behind the ring is lost.
    const captured = await child.ask('spooled');
    if (captured !== taken) process.emitWarning(`${taken} packets left the ring, ${captured} are in the spool`);
    await child.ask('empty');
    const byThread = [...after].map(([thread, ns]) => ns - (before.get(thread) ?? 0));
    return { captured, cpuNs: byThread.reduce((sum, ns) => sum + ns, 0), busiestNs: Math.max(...byThread) };
  }
}
