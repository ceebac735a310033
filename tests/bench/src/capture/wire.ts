import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { cpuTimeNs } from './cpu-time.js';
import type { GeneratorQuestions } from './generator-process.js';
import { TalkingChild } from './talking-child.js';

/** What one side made of the packets of one round. */
export interface Captured {
  readonly captured: number;
  /** Of its processes, from the first packet to some time after the last. */
  readonly cpuNs: number;
  /** Of the thread that took most of it; absent where there is only one. */
  readonly busiestNs?: number;
}

/** Something that captures on the host's end of the cable while the traffic passes. */
export interface Capturer {
  readonly name: string;
  capture(wire: Wire, traffic: () => Promise<void>): Promise<Captured>;
}

export interface RoundResult extends Captured {
  readonly sent: number;
  readonly packetsPerSecond: number;
  /** Of the generator: on a veth pair the kernel's way to the ring, filters included, is on the sender's account. */
  readonly generatorNs: number;
}

/** The generator has one processor, whoever captures the other: the same for all. */
export const GENERATOR_PROCESSOR = 0;
export const RECEIVER_PROCESSOR = 1;
/** After the last packet: rings are read, files written. */
const SETTLE_MS = 1500;

/** A host with a veth cable that nothing but the generator sends on. */
export class Wire {
  #hosts!: Hosts;
  #generator!: TalkingChild<GeneratorQuestions>;

  async start(): Promise<void> {
    this.#hosts = await createHosts({ count: 1 });
    const { hub } = this.#hosts;
    // Without IPv6 nobody else says anything on the cable: what was sent is what can be captured.
    for (const place of [this.host, hub]) {
      this.#hosts.inside(place, () => writeFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1'));
    }
    this.#generator = new TalkingChild('./generator-process.js', GENERATOR_PROCESSOR, {
      args: [hub.namespacePath, this.host.name],
    });
  }

  get hosts(): Hosts {
    return this.#hosts;
  }

  get host(): Host {
    return this.#hosts.host(1);
  }

  get generator(): TalkingChild<GeneratorQuestions> {
    return this.#generator;
  }

  /** Arguments of ip(8): a command on the host, on the receiver's processor. Every step becomes the next. */
  receiverArgv(argv: readonly string[]): string[] {
    return ['netns', 'exec', this.host.namespace, 'taskset', '-c', String(RECEIVER_PROCESSOR), ...argv];
  }

  /** One round: so many packets as fast as they go, or at a pace. */
  async round(capturer: Capturer, packets: number, packetsPerSecond?: number): Promise<RoundResult> {
    let sent = { sent: 0, ms: 0 };
    const before = cpuTimeNs(this.#generator.pid);
    const captured = await capturer.capture(this, async () => {
      sent = await this.#generator.ask('send', packets, packetsPerSecond);
      await delay(SETTLE_MS);
    });
    const generatorNs = cpuTimeNs(this.#generator.pid) - before;
    return { ...captured, sent: sent.sent, packetsPerSecond: (sent.sent / sent.ms) * 1000, generatorNs };
  }

  async stop(): Promise<void> {
    await this.#generator?.stop();
    await this.#hosts?.remove();
  }
}
