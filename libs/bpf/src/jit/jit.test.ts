import { describe, expect, it } from 'vitest';
import { randomValidProgram } from '../../../../tests/conformance/machines/random-program.js';
import { Random, seedOfRun } from '../../../../tests/conformance/random.js';
import { formatProgram } from '../forms/format.js';
import { jump, type Program, statement } from '../instruction.js';
import { BPF } from '../opcodes.js';
import { interpret } from '../run/interpret.js';
import type { PacketMetadata } from '../run/packet.js';
import { jit, jitSource } from './jit.js';

const seed = seedOfRun();
const returns = (k: number) => statement(BPF.RET | BPF.K, k);
const metadata: PacketMetadata = {
  protocol: 0x0800,
  packetType: 4,
  interfaceIndex: 7,
  vlanTagPresent: true,
  vlanTci: 0xe00a,
  vlanProtocol: 0x8100,
  networkOffset: 14,
};

/** `ether[0:4]` is one of them. */
function oneOf(addresses: readonly number[]): Program {
  return [
    statement(BPF.LD | BPF.W | BPF.ABS, 0),
    ...addresses.map((address, index) => jump(BPF.JMP | BPF.JEQ, address, Math.min(addresses.length - index, 255), 0)),
    returns(0),
    returns(1),
  ];
}

describe(`jit (BPFLEET_TEST_SEED=${seed})`, () => {
  it('answers as the interpreter, on whole and cut packets, anywhere in a buffer, with metadata', () => {
    const random = new Random(seed);
    for (let round = 0; round < 3000; round++) {
      const program = randomValidProgram(random, { ancillary: round % 3 === 0 });
      const run = jit(program);
      for (let index = 0; index < 6; index++) {
        const start = random.below(5);
        const wireLength = random.below(random.of([20, 200, 1600]));
        const capturedLength = random.chance(60) ? wireLength : random.below(wireLength + 1);
        const bytes = Uint8Array.from({ length: start + wireLength + 3 }, () => random.below(256));
        const packet = { bytes, start, capturedLength, wireLength, ...(random.chance(50) && { metadata }) };
        const expected = interpret(program, packet);
        const found = run(bytes, start, capturedLength, wireLength, packet.metadata);
        if (found !== expected) expect([found, formatProgram(program, 'd'), jitSource(program)]).toEqual([expected]);
      }
    }
  });

  it('finds each of many constants in a row, and nothing beside them', () => {
    const random = new Random(seed);
    const addresses = Array.from({ length: 200 }, () => random.below(2 ** 32));
    const program = oneOf(addresses);
    const run = jit(program);
    const view = new DataView(new ArrayBuffer(4));
    const bytes = new Uint8Array(view.buffer);
    for (const address of addresses) {
      for (const value of [address - 1, address, address + 1]) {
        view.setUint32(0, value);
        expect(run(bytes, 0, 4, 4)).toBe(interpret(program, { bytes, start: 0, capturedLength: 4, wireLength: 4 }));
      }
    }
    // A search, not a row.
    expect(jitSource(program)).toContain('a < ');
  });

  it('takes the longest programs there are', () => {
    const tests = Array.from({ length: 4000 }, (_, index) =>
      jump(BPF.JMP | BPF.JSET, index + 1, index % 2, 1 - (index % 2)),
    );
    const rejecting = tests.flatMap((test) => [test, returns(0)]).slice(0, 4094);
    for (const program of [
      oneOf(Array.from({ length: 4000 }, (_, index) => index)),
      [...rejecting, returns(1), returns(2)],
    ]) {
      const packet = { bytes: Uint8Array.of(0, 0, 15, 159), start: 0, capturedLength: 4, wireLength: 4 };
      expect(jit(program)(packet.bytes, 0, 4, 4)).toBe(interpret(program, packet));
    }
  });

  it('refuses what the checker refuses', () => {
    expect(() => jit([statement(BPF.RET | BPF.X)])).toThrowError(expect.objectContaining({ code: 'PROGRAM_INVALID' }));
  });
});
