import { BPF } from '../opcodes.js';
import type { EbpfBuilder, Label } from './builder.js';
import { EBPF, Helper } from './instruction.js';
import { A, FRAME, SCRATCH } from './layout.js';
import { type EbpfMap, loadMap } from './maps.js';

/** What the packets that a program saw and accepted are counted in. */
export const COUNTERS: EbpfMap = { kind: 'array', keyBytes: 4, valueBytes: 8, entries: 2, keys: new Uint8Array(0) };
export const [SEEN, ACCEPTED] = [0, 1];

/** Writes what a program does with its maps. */
export class MapCode {
  constructor(
    private readonly out: EbpfBuilder,
    private readonly maps: readonly EbpfMap[],
  ) {}

  get hasCounters(): boolean {
    return this.maps.includes(COUNTERS);
  }

  /** One more in a counter, whichever processor the packet is on. */
  count(counter: number): void {
    const { out } = this;
    const map = this.maps.indexOf(COUNTERS);
    if (map < 0) return;
    const none: Label = Symbol('no counter');
    out.emit(BPF.ST | BPF.MEM | BPF.W, FRAME, 0, SCRATCH, counter);
    this.#lookUp(map);
    out.gotoIfNull(BPF.JEQ, 0, none);
    out.alu(EBPF.MOV, 1, 1);
    out.emit(BPF.STX | EBPF.ATOMIC | EBPF.DW, 0, 1, 0, BPF.ADD);
    out.place(none);
  }

  /** r0: the address of the value in the map, or null; the key stands in SCRATCH. */
  #lookUp(map: number): void {
    const { out } = this;
    out.emit(EBPF.ALU64 | EBPF.MOV | BPF.X, 2, FRAME);
    out.emit(EBPF.ALU64 | BPF.ADD | BPF.K, 2, 0, 0, SCRATCH);
    out.append(loadMap(1, map));
    out.call(Helper.MAP_LOOKUP_ELEM);
  }

  /** Whether A is in the map's set: r0 is not null. */
  lookUpSet(set: number): void {
    const { out } = this;
    if (this.maps[set]?.kind === 'hash') {
      out.emit(BPF.STX | BPF.MEM | BPF.W, FRAME, A, SCRATCH);
    } else {
      out.emit(BPF.ST | BPF.MEM | BPF.W, FRAME, 0, SCRATCH, 32);
      out.aluRegister(EBPF.MOV, 0, A);
      out.bigEndian(0, 32);
      out.emit(BPF.STX | BPF.MEM | BPF.W, FRAME, 0, SCRATCH + 4);
    }
    this.#lookUp(set);
  }
}
