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

/** One instruction of the extended machine as the kernel's `struct bpf_insn`: code, dst, src, off, imm. */
export const EbpfInstructionTuple = z.tuple([
  z.int().min(0).max(0xff),
  z.int().min(0).max(10),
  z.int().min(0).max(15),
  z.int().min(-0x8000).max(0x7fff),
  z.int().min(-0x80000000).max(0x7fffffff),
]);

/** A map with its content. Instructions name maps by their place in the list. */
export const FilterMap = z.object({
  kind: z.enum(['hash', 'lpm', 'array']),
  keyBytes: z.int().min(1).max(64),
  valueBytes: z.int().min(1).max(64),
  entries: z.int().min(1).max(1_000_000),
  /** One after the other, base64; of an array none. */
  keys: z.string().max(8 * 1024 * 1024),
});
export type FilterMap = z.infer<typeof FilterMap>;

/** An eBPF socket filter, for what the classic machine has no room for. */
export const EbpfFilterProgram = z.object({
  linkType: z.string(),
  form: z.enum(['live', 'offline']),
  target: z.literal('ebpf'),
  instructions: z.array(EbpfInstructionTuple).min(1).max(65_536),
  maps: z.array(FilterMap).max(64),
});
export type EbpfFilterProgram = z.infer<typeof EbpfFilterProgram>;

/** For the classic machine, or, where that has no room, for the extended one. */
export const AnyFilterProgram = z.discriminatedUnion('target', [FilterProgram, EbpfFilterProgram]);
export type AnyFilterProgram = z.infer<typeof AnyFilterProgram>;
