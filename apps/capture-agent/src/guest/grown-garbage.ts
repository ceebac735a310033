const GROWN_BYTES = 12 * 1024 * 1024;
/** Marking all objects takes some 70 ms in each of two threads: once a minute is 0.2 % of a processor, half of what an idle agent may take. */
const SECONDS_APART = 60;

/**
 * Tells when there is garbage worth collecting. V8 knows how much room there is, not how little is needed: in the capture
 * thread it let garbage of 2 MiB a minute lie for more than ten.
 */
export class GrownGarbage {
  #seconds = 0;
  /** What the agent took since the last collection. */
  #leastBytes = Number.POSITIVE_INFINITY;

  /** Called once a second. @returns whether garbage is to be collected now */
  second(bytes: number): boolean {
    this.#seconds++;
    this.#leastBytes = Math.min(this.#leastBytes, bytes);
    if (this.#seconds < SECONDS_APART || bytes <= this.#leastBytes + GROWN_BYTES) return false;
    this.collected();
    return true;
  }

  /** For another reason. */
  collected(): void {
    this.#seconds = 0;
    this.#leastBytes = Number.POSITIVE_INFINITY;
  }
}
