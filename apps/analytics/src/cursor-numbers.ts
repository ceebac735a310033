import { z } from 'zod';

/** An offset, or the time of a packet in ns, as the store has it. JSON's numbers end before. */
export const StoredNumber = z
  .string()
  .regex(/^\d{1,19}$/)
  .transform(BigInt)
  .refine((value) => value < 2n ** 63n);

/** A time that was asked for, in ns: whatever `parseInstantNs` reads, of the years 0 to 9999. */
export const AskedTime = z
  .string()
  .regex(/^-?\d{1,21}$/)
  .transform(BigInt);
