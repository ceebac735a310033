import { interfaces, PacketSender } from '@bpfleet/linux';
import { numberedFrames } from './numbered-traffic.js';

const FRAMES = 400_000;

/** Sends numbered frames on an interface of this namespace until told to stop; each number once. */
export class SteadySender {
  readonly #stopping = new AbortController();
  readonly #sender: PacketSender;
  #sending: Promise<number> = Promise.resolve(0);

  /** @param open runs where the interface is */
  constructor(device: string, open: <T>(action: () => T) => T = (action) => action()) {
    this.#sender = open(() => {
      const index = interfaces().find(({ name }) => name === device)!.index;
      return PacketSender.open({ interfaceIndex: index });
    });
  }

  start(packetsPerSecond: number): void {
    const options = { packetsPerSecond, count: FRAMES, signal: this.#stopping.signal };
    this.#sending = this.#sender.sendPaced(numberedFrames(0, FRAMES), options);
  }

  /** @returns how many were sent */
  async stop(): Promise<number> {
    this.#stopping.abort();
    const sent = await this.#sending;
    this.#sender.close();
    return sent;
  }
}
