import { BpfleetError } from '@bpfleet/errors';

/** How many queries may scan at the same time: each holds sections in memory and keeps a processor busy. */
export class ScanSlots {
  #taken = 0;

  /** @param work what they do, for the refusal */
  constructor(
    private readonly most: number,
    private readonly work = 'read packets',
  ) {}

  /**
   * Takes a slot.
   * @returns gives it back; may be called again
   * @throws BpfleetError `TOO_BUSY` when all are taken
   */
  take(): () => void {
    if (this.#taken >= this.most) {
      throw new BpfleetError('TOO_BUSY', `${this.most} queries ${this.work} already`, {
        hint: 'ask again in a second; another replica may be free',
      });
    }
    this.#taken++;
    let isHeld = true;
    return () => {
      if (isHeld) this.#taken--;
      isHeld = false;
    };
  }
}
