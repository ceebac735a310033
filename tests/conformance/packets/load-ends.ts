import { BPF, type Packet, type Program, SKF_AD_OFF } from '@bpfleet/bpf';
import { run } from '../oracle/machine.js';

/** Behind which bytes of the packet the program's loads end, on its way through this packet. */
export function loadEnds(program: Program, packet: Packet): number[] {
  const ends = new Set<number>();
  run(program, packet, (at, x) => {
    const { code = 0, k = 0 } = program[at] ?? {};
    const size = (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
    if (code === (BPF.LDX | BPF.B | BPF.MSH)) ends.add(k + 1);
    if ((code & 0xe7) === (BPF.LD | BPF.ABS) && k < SKF_AD_OFF) ends.add(k + size);
    if ((code & 0xe7) === (BPF.LD | BPF.IND)) ends.add(((x + k) >>> 0) + size);
  });
  return [...ends].filter((end) => end <= packet.capturedLength);
}
