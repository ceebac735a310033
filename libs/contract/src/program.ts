import { z } from 'zod';

/** One classic BPF instruction as the kernel's `struct sock_filter`: code, jt, jf, k. */
export const InstructionTuple = z.tuple([
  z.int().min(0).max(0xffff),
  z.int().min(0).max(0xff),
  z.int().min(0).max(0xff),
  z.int().min(0).max(0xffffffff),
]);

/** A program for one link type. `live` is the kernel form (Linux metadata loads), `offline` the one for bytes in a file. */
export const FilterProgram = z.object({
  linkType: z.string(),
  form: z.enum(['live', 'offline']),
  target: z.literal('cbpf'),
  instructions: z.array(InstructionTuple).min(1).max(4096),
});
export type FilterProgram = z.infer<typeof FilterProgram>;
