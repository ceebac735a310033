import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MARKS_BYTES, type Marks, noMarks, SpoolMarks } from './spool-marks.js';

const amount = { sections: 3, packets: 40, bytes: 700 };
const marks: Marks = {
  ...noMarks,
  done: { segment: 3, offset: 700 },
  sent: amount,
  seen: { end: { segment: 6, offset: 300 }, waiting: amount, epoch: 99, seq: 7, inMemory: amount, memoryEpoch: 98 },
};
/** Words of a bank: checksum, what it is over, and in that the offset of `done`. */
const [BANKS, BANK_WORDS, DONE_OFFSET, SEEN] = [[8, 136], 128, 2, 110] as const;

/** What an agent that knows of nothing behind the table makes of the bank in force. */
function rewritten(change: (bank: Float64Array) => void): Marks {
  const memory = new ArrayBuffer(MARKS_BYTES);
  new SpoolMarks(memory).write(marks);
  const words = new Float64Array(memory, 0, MARKS_BYTES / 8);
  const bank = words.subarray(BANKS[words[1] === 1 ? 1 : 0], BANKS[words[1] === 1 ? 1 : 0] + BANK_WORDS);
  change(bank);
  bank[0] = crc32(new Uint8Array(bank.buffer, bank.byteOffset + 8, bank.byteLength - 8));
  return new SpoolMarks(memory).read();
}

describe('marks of a spool', () => {
  it('say what was found with them', () => {
    expect(rewritten(() => undefined)).toEqual({ ...marks, seen: marks.seen });
  });

  it('know nothing of it where an agent that notes none was the last', () => {
    const done = { segment: 3, offset: 900 };
    expect(rewritten((bank) => bank.fill(900, DONE_OFFSET, DONE_OFFSET + 1))).toEqual({
      ...marks,
      done,
      seen: undefined,
    });
    expect(rewritten((bank) => bank.fill(0, SEEN))).toEqual({ ...marks, seen: undefined });
  });
});
