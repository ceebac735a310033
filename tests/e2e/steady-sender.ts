import { interfaces, PacketSender } from '@bpfleet/linux';
import { numberedFrames } from './numbered-traffic.js';

/** Sends numbered frames on an interface until told to stop; each number once. */
export class SteadySender {
  readonly #stopping = new AbortController();
  readonly #sender: PacketSender;
  #sending: Promise<number> = Promise.resolve(0);
  #rate = Number.NaN;

  /**
   * @param where runs its argument where the interface is
   * @param framesOf one frame for each of `count` numbers
   */
  constructor(
    device: string,
    where: <T>(action: () => T) => T = (action) => action(),
    private readonly framesOf: (from: number, count: number) => Uint8Array[] = numberedFrames,
  ) {
    this.#sender = where(() => {
      const index = interfaces().find(({ name }) => name === device)!.index;
      return PacketSender.open({ interfaceIndex: index });
    });
  }

  /** @param from the first number */
  start(packetsPerSecond: number, from = 0): void {
    this.#sending = this.#send(packetsPerSecond, from);
  }

  /** @returns how many were sent */
  async stop(): Promise<number> {
    this.#stopping.abort();
    const sent = await this.#sending;
    this.#sender.close();
    return sent;
  }

  /** Packets per second that were sent from `start` to `stop`; on a busy machine fewer than were asked for. */
  get rate(): number {
    return this.#rate;
  }

  /** A second's worth at a time: all numbers of a long run would fill the memory. */
  async #send(packetsPerSecond: number, from: number): Promise<number> {
    const { signal } = this.#stopping;
    const startMs = performance.now();
    let sent = 0;
    while (!signal.aborted) {
      const frames = this.framesOf(from + sent, packetsPerSecond);
      sent += await this.#sender.sendPaced(frames, { packetsPerSecond, signal });
    }
    this.#rate = Math.round((1000 * sent) / (performance.now() - startMs));
    return sent;
  }
}
