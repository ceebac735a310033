import { assembleEbpf, encodeEbpf } from '@bpfleet/bpf';
import { expect, it } from 'vitest';
import { tagOf } from './program-tag.js';

const program = encodeEbpf(assembleEbpf('w0 = 7\nexit'));
/** `r1 = map[imm]`: a 64-bit load, whose number is in the immediates of both its instructions. */
const load64 = (source: number, low: number, high: number) => {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setUint8(0, 0x18);
  bytes.setUint8(1, 1 | (source << 4));
  bytes.setInt32(4, low, true);
  bytes.setInt32(12, high, true);
  return [...new Uint8Array(bytes.buffer)];
};
const tag = (...loads: number[][]) => tagOf(Uint8Array.from([...loads.flat(), ...program]), 'sha256');

it('is the beginning of a hash', () => {
  // printf 'b400000007000000 9500000000000000' | xxd -r -p | sha1sum, sha256sum
  expect(tagOf(program, 'sha1')).toBe('e1ad1e6a33804a5a');
  expect(tagOf(program, 'sha256')).toBe('e31ff6ed394d9b1e');
});

it('is the same whatever descriptors the maps have', () => {
  expect(tag(load64(1, 5, 0), load64(2, 6, 40))).toBe(tag(load64(1, 99, 0), load64(2, 7, 41)));
});

it('differs by the numbers of other 64-bit loads, and by which of them are maps', () => {
  expect(tag(load64(0, 5, 0))).not.toBe(tag(load64(0, 6, 0)));
  expect(tag(load64(0, 5, 1))).not.toBe(tag(load64(0, 5, 2)));
  expect(tag(load64(1, 0, 0))).not.toBe(tag(load64(0, 0, 0)));
});

it('leaves the bytes alone', () => {
  const bytes = Uint8Array.from([...load64(1, 5, 0), ...program]);
  tagOf(bytes, 'sha1');
  expect([...bytes.subarray(0, 16)]).toEqual(load64(1, 5, 0));
});
