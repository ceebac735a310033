import type { EbpfProgram } from './instruction.js';

const INSTRUCTION_BYTES = 8;

/** The array of `struct bpf_insn` that BPF_PROG_LOAD takes, little endian as on every host we run on. */
export function encodeEbpf(program: EbpfProgram): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, dst, src, off, imm }, index) => {
    const at = index * INSTRUCTION_BYTES;
    bytes[at] = code;
    bytes[at + 1] = dst | (src << 4);
    view.setInt16(at + 2, off, true);
    view.setInt32(at + 4, imm, true);
  });
  return bytes;
}
