import { readFileSync } from 'node:fs';

/** Reading the file costs as much as signing a small section. */
const READ_AGAIN_MS = 1000;

let originMs = 0;
let readAtMs = Number.NEGATIVE_INFINITY;

/**
 * CLOCK_BOOTTIME in ms: goes on in suspend, and nobody sets it. Node's own clock (CLOCK_MONOTONIC) stands still then, and is
 * as good in between: for a second after a suspend this is behind by as long as that was.
 */
export function bootTimeMs(): number {
  const nowMs = performance.now();
  if (nowMs - readAtMs >= READ_AGAIN_MS) {
    originMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000 - nowMs;
    readAtMs = nowMs;
  }
  return originMs + nowMs;
}

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
