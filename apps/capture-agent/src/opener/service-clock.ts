import { bootTimeMs } from '@bpfleet/linux';

/**
 * The service's time, whatever the host's clock says: its last word, and the time since by CLOCK_BOOTTIME. After a reboot
 * without contact it goes on from where it was saved last, so that what has an end comes to it.
 */
export class ServiceClock {
  #heardMs: number;
  #heardAtMs: number;

  /** @param savedMs the service's time when it was last saved, 0: never heard of */
  constructor(
    savedMs: number,
    private readonly nowMs: () => number = bootTimeMs,
  ) {
    this.#heardMs = savedMs;
    this.#heardAtMs = nowMs();
  }

  /** At some time or other, which may have been long ago: this never goes back. */
  heard(serviceTimeMs: number): void {
    if (serviceTimeMs > this.timeMs) this.set(serviceTimeMs);
  }

  /** It is so late now, by proof (`Challenge`): this may go back, for the service's own clock may have been wrong. */
  set(serviceTimeMs: number): void {
    this.#heardMs = serviceTimeMs;
    this.#heardAtMs = this.nowMs();
  }

  get timeMs(): number {
    return this.#heardMs === 0 ? 0 : this.#heardMs + (this.nowMs() - this.#heardAtMs);
  }
}
