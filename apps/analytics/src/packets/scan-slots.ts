import { BpfleetError } from '@bpfleet/errors';

/** How many queries may scan at the same time: each holds sections in memory and keeps a processor busy. */
export class ScanSlots {
  #taken = 0;

  constructor(private readonly most: number) {}

  /**
   * Takes a slot.
   * @returns gives it back; may be called again
   * @throws BpfleetError `TOO_BUSY` when all are taken
   */
  take(): () => void {
    if (this.#taken >= this.most) {
      throw new BpfleetError('TOO_BUSY', `${this.most} queries are reading packets already`, {
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
