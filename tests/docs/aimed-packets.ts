import { BPF, type Packet, type Program } from '@bpfleet/bpf';
import { reaching, steer } from '../conformance/packets/steer.js';
import type { Random } from '../conformance/random.js';

/** A place a program reads, and a number it compares it with. */
interface Aim {
  readonly offset: number;
  readonly size: number;
  readonly isBehindHeader: boolean;
  readonly operand: number;
}

const SIZES: ReadonlyMap<number, number> = new Map<number, number>([
  [BPF.W, 4],
  [BPF.H, 2],
  [BPF.B, 1],
]);

/** What the program compares with what, by the load that stands in front of each jump. */
function aimsOf(program: Program): Aim[] {
  const aims: Aim[] = [];
  let last: Omit<Aim, 'operand'> | undefined;
  for (const { code, k } of program) {
    const mode = code & 0xe0;
    if ((code & 0x07) === BPF.LD && (mode === BPF.ABS || mode === BPF.IND)) {
      last = { offset: k, size: SIZES.get(code & 0x18) ?? 4, isBehindHeader: mode === BPF.IND };
    }
    if ((code & 0x07) === BPF.JMP && last !== undefined) aims.push({ ...last, operand: k });
  }
  return aims;
}

/** Frames of 80 to 140 bytes that hit both sides of what the programs ask; each third is led to where one of them says yes. */
export function aimedPackets(programs: readonly Program[], random: Random, count: number): Packet[] {
  const aims = programs.flatMap(aimsOf);
  const ways = programs.map((program) => ({ program, wanted: reaching(program, true) }));
  return Array.from({ length: count }, () => {
    const bytes = Buffer.alloc(80 + random.below(61));
    for (let index = 0; index < bytes.length; index++) if (random.chance(30)) bytes[index] = random.below(256);
    bytes.writeUInt16BE(random.of([0x0800, 0x0800, 0x86dd, 0x0806, 0x8035, 46, 0x88cc]), 12);
    bytes[14] = random.of([0x45, 0x46, 0x60]);
    bytes.writeUInt16BE(random.of([0, 0, 0x4000, 0x2000, 1]), 20);
    bytes[bytes[14] === 0x60 ? 20 : 23] = random.of([6, 17, 1, 58, 44, 47, 89, 132]);
    const headerBytes = (bytes[14] & 0xf) * 4;
    for (const { offset, size, isBehindHeader, operand } of aims) {
      const isKind = offset === 12 || offset === 20 || offset === 23;
      if (!random.chance(isKind ? 10 : 40)) continue;
      const at = offset + (isBehindHeader ? headerBytes : 0);
      const value = (operand + random.of([0, 0, 0, 1, -1])) >>> 0;
      if (at + size <= bytes.length) bytes.writeUIntBE(value % 2 ** (8 * size), at, size);
    }
    if (random.chance(33)) {
      const { program, wanted } = random.of(ways);
      steer(program, bytes, undefined, wanted, random, 0);
    }
    return { bytes, start: 0, capturedLength: bytes.length, wireLength: bytes.length };
  });
}
