import { BPF, checkProgram, interpret, type Program } from '@bpfleet/bpf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExcludedEndpoint, excludeOwnTraffic } from './own-traffic.js';

const acceptAll: Program = [{ code: BPF.RET | BPF.K, jt: 0, jf: 0, k: 65_535 }];
/** Returns A, which the kernel promises to be 0 at the start: shows that the prefix leaves nothing behind. */
const returnA: Program = [{ code: BPF.RET | BPF.A, jt: 0, jf: 0, k: 0 }];

const broker: ExcludedEndpoint = { address: Uint8Array.of(10, 0, 0, 9), port: 9092 };
const broker6: ExcludedEndpoint = {
  address: Uint8Array.of(0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9),
  port: 9092,
};

const run = (program: Program, bytes: Uint8Array): number =>
  interpret(program, { bytes, start: 0, capturedLength: bytes.length, wireLength: bytes.length });

function ipv4(source: number[], sourcePort: number, destination: number[], destinationPort: number, protocol = 6) {
  const frame = new Uint8Array(60);
  frame.set([0x08, 0x00, 0x45], 12);
  frame[23] = protocol;
  frame.set(source, 26);
  frame.set(destination, 30);
  new DataView(frame.buffer).setUint16(34, sourcePort);
  new DataView(frame.buffer).setUint16(36, destinationPort);
  return frame;
}

function ipv6(source: Uint8Array, sourcePort: number, destination: Uint8Array, destinationPort: number) {
  const frame = new Uint8Array(80);
  frame.set([0x86, 0xdd, 0x60], 12);
  frame[20] = 6;
  frame.set(source, 22);
  frame.set(destination, 38);
  new DataView(frame.buffer).setUint16(54, sourcePort);
  new DataView(frame.buffer).setUint16(56, destinationPort);
  return frame;
}

describe('excludeOwnTraffic', () => {
  const program = excludeOwnTraffic(acceptAll, [broker, { ...broker, port: 7420 }, broker6]);
  const us = [10, 0, 0, 1];
  const them = [...broker.address];

  it('knows the same packets without a link header', () => {
    const raw = excludeOwnTraffic(acceptAll, [broker, broker6], 'RAW');
    expect(checkProgram(raw)).toBeUndefined();
    const packets = [
      ipv4(us, 40_000, them, 9092),
      ipv4(us, 40_000, them, 22),
      ipv6(broker6.address, 9092, new Uint8Array(16), 40_000),
      ipv6(broker6.address, 9093, new Uint8Array(16), 40_000),
    ];
    expect(packets.map((frame) => run(raw, frame.subarray(14)))).toEqual([0, 65_535, 0, 65_535]);
  });

  it('makes a program the kernel takes', () => {
    expect(checkProgram(program)).toBeUndefined();
  });

  it.each([
    ['to the broker', ipv4(us, 40_000, them, 9092), 0],
    ['from the broker', ipv4(them, 9092, us, 40_000), 0],
    ['to another excluded port of the same host', ipv4(us, 40_000, them, 7420), 0],
    ['to another port of the broker', ipv4(us, 40_000, them, 22), 65_535],
    ['whose source port only looks like the broker', ipv4(us, 9092, them, 22), 65_535],
    ['to another host on the same port', ipv4(us, 40_000, [10, 0, 0, 8], 9092), 65_535],
    ['of UDP to the broker', ipv4(us, 40_000, them, 9092, 17), 65_535],
    ['to the broker over IPv6', ipv6(new Uint8Array(16), 40_000, broker6.address, 9092), 0],
    ['from the broker over IPv6', ipv6(broker6.address, 9092, new Uint8Array(16), 40_000), 0],
    ['to a host whose address differs in its last word', ipv6(new Uint8Array(16), 1, new Uint8Array(16), 9092), 65_535],
  ])('judges a packet %s', (_, frame, verdict) => {
    expect(run(program, frame)).toBe(verdict);
  });

  it('refuses no other packet, however short, and leaves A as it was', () => {
    const transparent = excludeOwnTraffic(returnA, [broker, broker6]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(0x0800, 0x86dd, 0x0806), (bytes, etherType) => {
        if (bytes.length >= 14) new DataView(bytes.buffer).setUint16(12, etherType);
        expect(run(program, bytes)).toBe(65_535);
        expect(run(transparent, bytes)).toBe(0);
      }),
    );
  });

  it('reaches across many endpoints', () => {
    const many = Array.from({ length: 100 }, (_, i) => ({ ...broker, port: 1000 + i }));
    const long = excludeOwnTraffic(acceptAll, many);
    expect(checkProgram(long)).toBeUndefined();
    expect(run(long, ipv4(us, 1, them, 1099))).toBe(0);
    expect(run(long, ipv4(us, 1, them, 1100))).toBe(65_535);
    expect(run(long, Uint8Array.of(1, 2, 3))).toBe(65_535);
  });

  it('changes nothing when there is nothing to exclude', () => {
    expect(excludeOwnTraffic(acceptAll, [])).toBe(acceptAll);
  });
});
