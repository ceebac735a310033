import { interpret, type Packet, type Program } from '@bpfleet/bpf';

/**
 * Whether some [x + k] of the program reaches 2^31 or more: there the kernel reads relative to headers. The interpreter asks
 * for a packet's metadata only then, in programs without loads of metadata.
 */
export function loadsAtNegativeOffset(program: Program, packet: Packet): boolean {
  let asked = false;
  const watched: Packet = {
    ...packet,
    get metadata(): never {
      asked = true;
      return undefined as never;
    },
  };
  interpret(program, watched);
  return asked;
}
