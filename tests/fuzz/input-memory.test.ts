import { describe, expect, it } from 'vitest';
import { InputMemory } from './input-memory.js';

/** As a reader that believes a length field, and gives all back. */
const believing = (input: DataView): boolean => new Uint8Array(input.getUint32(0)).length < input.byteLength;
const lengthField = (bytes: number): DataView => {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bytes);
  return view;
};

describe('the memory of one input', () => {
  // First: what another test leaves to the collector would be missing here.
  it('is counted where it is not too much', () => {
    const memory = new InputMemory();
    expect(memory.around(() => believing(lengthField(32 * 2 ** 20)))).toBe(false);
    expect(memory.mostOfOne).toBeGreaterThan(8 * 2 ** 20);
  });

  it('is too much when a length field of 1 GiB is believed, though no byte was touched and the input is refused', () => {
    const read = () => {
      if (!believing(lengthField(2 ** 30))) throw new TypeError('refused');
    };
    expect(() => new InputMemory().around(read)).toThrow(/one input takes \d+ bytes/);
  });

  it('leaves errors of the reader as they are', () => {
    const read = () => {
      throw new TypeError('refused');
    };
    expect(() => new InputMemory().around(read)).toThrow(TypeError);
  });
});
