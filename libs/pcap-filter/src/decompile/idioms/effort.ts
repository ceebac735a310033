/** Questions looked at in search of terms, for one program. */
const MOST_ASSUMED = 120_000;
/** Instructions of proposed terms that are read, for one program. Tunnels make each term long. */
const MOST_READ = 30_000;

/** What was done to find terms for one program: together a second's work at most, whatever the program. */
export class Effort {
  #assumed = 0;
  #read = 0;

  assume(): void {
    this.#assumed++;
  }

  read(instructions: number): void {
    this.#read += instructions;
  }

  /** Whether so much was compared that the rest is better written as it is. */
  get isTiredOfComparing(): boolean {
    return this.#assumed > MOST_ASSUMED;
  }

  /** Whether so many terms were tried that others need not be. */
  get isTiredOfReading(): boolean {
    return this.#read > MOST_READ;
  }
}
