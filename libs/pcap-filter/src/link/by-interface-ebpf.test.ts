import { createHash } from 'node:crypto';
import { BPF, EBPF, type EbpfFilter, type EbpfProgram, encodeEbpf } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { compileEbpf } from '../compile-ebpf.js';
import { byInterfaceEbpf } from './by-interface-ebpf.js';

const exit = { code: BPF.JMP | EBPF.EXIT, dst: 0, src: 0, off: 0, imm: 0 };
const keep = (imm: number): EbpfFilter => ({
  program: [{ code: BPF.ALU | EBPF.MOV | BPF.K, dst: 0, src: 0, off: 0, imm }, exit],
  maps: [],
});
const list = (network: number) =>
  Array.from({ length: 1000 }, (_, index) => `10.${network}.${index >> 6}.${2 * (index & 63)}`);
const withMap = (network: number) =>
  compileEbpf('ip src host in {@list}', { live: true, names: { sets: { list: list(network) } } }).filter;

/** What the kernel would answer, of a program that only asks where a packet was seen. */
function answer(program: EbpfProgram, interfaceIndex: number, packetType = 0): number {
  let [at, scratch, result] = [0, 0, 0];
  for (;;) {
    const { code, dst, off, imm } = program[at++]!;
    if (code === exit.code) return result;
    if (code === (BPF.LDX | BPF.MEM | BPF.W)) scratch = off === 40 ? interfaceIndex : packetType;
    else if (code === (BPF.ALU | EBPF.MOV | BPF.K) && dst === 0) result = imm;
    else if (code === (BPF.JMP | BPF.JA)) at += off;
    else if (code === (EBPF.JMP32 | BPF.JGE | BPF.K)) at += scratch >= imm ? off : 0;
    else if (code === (EBPF.JMP32 | EBPF.JNE | BPF.K)) at += scratch !== imm ? off : 0;
    else throw new Error(`not expected here: ${code}`);
  }
}

describe('byInterfaceEbpf', () => {
  it('runs the program of the interface, and refuses packets of all others', () => {
    const branches = [
      { interfaces: [9, 4, 5], filter: keep(7) },
      { interfaces: [6, 300], filter: keep(8) },
    ];
    const { program } = byInterfaceEbpf(branches);
    const indexes = [0, 3, 4, 5, 6, 7, 9, 10, 299, 300, 301, 0x7fff_ffff];
    expect(indexes.map((index) => answer(program, index))).toEqual([0, 0, 7, 7, 8, 0, 7, 0, 0, 8, 0, 0]);
  });

  it('leaves out what loopback shows going out, and only there', () => {
    const verdicts = (loopback?: number) => {
      const { program } = byInterfaceEbpf([{ interfaces: [1, 2], filter: keep(9) }], loopback);
      return [1, 2].flatMap((index) => [0, 4].map((type) => answer(program, index, type)));
    };
    expect([verdicts(1), verdicts(), verdicts(7)]).toEqual([
      [9, 0, 9, 9],
      [9, 9, 9, 9],
      [9, 9, 9, 9],
    ]);
  });

  it('keeps each program with its own maps', () => {
    const [one, other] = [withMap(1), withMap(2)];
    const joined = byInterfaceEbpf([
      { interfaces: [3], filter: one },
      { interfaces: [2], filter: other },
    ]);
    // In the order of their interfaces.
    expect(joined.maps).toEqual([...other.maps, ...one.maps]);
    const loaded = joined.program.filter(({ code, src }) => code === EBPF.LOAD_64 && src === 1);
    expect(loaded.map(({ imm }) => imm)).toEqual([0, 1]);
  });

  it('refuses one interface in two branches', () => {
    const twice = [1, 2].map((kept) => ({ interfaces: [5], filter: keep(kept) }));
    expect(() => byInterfaceEbpf(twice)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });

  it('is the same for ever: agents and services of other releases compute it, too', () => {
    const { program } = byInterfaceEbpf(
      [
        { interfaces: [12, 4, 5, 6], filter: keep(96) },
        { interfaces: [1, 30], filter: keep(128) },
      ],
      1,
    );
    const hash = createHash('sha256').update(encodeEbpf(program)).digest('hex');
    expect(hash).toBe('cdc49af5a18063125aec46677fd65efa9b164a09d1eaca65c57d8ab97e9934e7');
  });
});
