import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../forms/assemble.js';
import type { Program } from '../instruction.js';
import { interpret, UNDECIDED } from '../run/interpret.js';
import { jitAll } from './jit-all.js';

const programs: readonly Program[] = [
  'ldh [12]\njeq #0x800, yes, no\nyes: ret #262144\nno: ret #0',
  'ldb [0]\njset #1, yes, no\nyes: ret #-1\nno: ret #0',
  'ldxb 4*([14]&0xf)\nldh [x+14]\njgt #100, yes, no\nyes: ret #96\nno: ret #0',
  'ld [2]\nst M[3]\nldx M[3]\nldb [x+1]\nret a',
  'ld #8\ndiv x\nret #1',
  'ld [vlanp]\njeq #1, yes, no\nyes: ret #1\nno: ret #0',
  'ret #0',
  'ld #len\nret a',
].map((text) => assemble(text));

describe('jitAll', () => {
  it('says what the interpreter says of each program, metadata and missing bytes included', () => {
    const classify = jitAll(programs);
    const hits = new Int32Array(programs.length);
    const metadata = { protocol: 1, packetType: 0, interfaceIndex: 1, vlanTci: 0, vlanProtocol: 0 };
    const anyPacket = fc.record({
      before: fc.nat(5),
      bytes: fc.uint8Array({ maxLength: 60 }),
      cut: fc.nat(20),
      vlanTagPresent: fc.boolean(),
    });
    fc.assert(
      fc.property(anyPacket, ({ before, bytes, cut, vlanTagPresent }) => {
        const buffer = new Uint8Array(before + bytes.length + 40).fill(0xee);
        buffer.set(bytes, before);
        const packet = {
          bytes: buffer,
          start: before,
          capturedLength: bytes.length,
          wireLength: bytes.length + cut,
          metadata: { ...metadata, vlanTagPresent },
        };
        const { start, capturedLength, wireLength } = packet;
        const count = classify(buffer, start, capturedLength, wireLength, packet.metadata, hits);
        const expected = programs.flatMap((program, number) => {
          const verdict = interpret(program, packet);
          if (verdict === 0) return [];
          return [verdict === UNDECIDED ? ~number : number];
        });
        expect([...hits.subarray(0, count)]).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('says the same of so many programs that they are several functions', () => {
    const ports = Array.from({ length: 400 }, (_, port) =>
      assemble(
        `ldh [12]\njne #0x800, no\nldb [23]\njne #17, no\nldxb 4*([14]&0xf)\nldh [x + 16]\njeq #${port % 200}, yes\nno: ret #0\nyes: ret #1`,
      ),
    );
    const classify = jitAll(ports);
    const hits = new Int32Array(ports.length);
    const packet = (port: number, protocol: number) => {
      const bytes = new Uint8Array(60);
      bytes.set([0x08, 0, 0x45], 12);
      bytes[23] = protocol;
      bytes.set([port >> 8, port & 0xff], 36);
      return bytes;
    };
    for (let port = 0; port < 210; port++) {
      const count = classify(packet(port, 17), 0, 60, 60, undefined, hits);
      expect([...hits.subarray(0, count)]).toEqual(port < 200 ? [port, port + 200] : []);
    }
    expect(classify(packet(1, 6), 0, 60, 60, undefined, hits)).toBe(0);
    // Cut before the port.
    expect(classify(packet(1, 17), 0, 30, 60, undefined, hits)).toBe(400);
    expect([...hits.subarray(0, 3), hits[399]]).toEqual([~0, ~1, ~2, ~399]);
  });

  it('is nothing for no program', () => {
    expect(jitAll([])(new Uint8Array(4), 0, 4, 4, undefined, new Int32Array(0))).toBe(0);
  });

  it('refuses a program that the kernel would refuse', () => {
    expect(() => jitAll([[]])).toThrow(expect.objectContaining({ code: 'PROGRAM_INVALID' }));
  });
});
