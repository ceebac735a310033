import { describe, expect, it } from 'vitest';
import { type Bytes, ethernet } from '../../../../tests/conformance/ir/layers.js';
import { holdsFor } from '../../../../tests/conformance/ir/lowered.js';

const frames = ['i', 's', 'u', 'rr', 'rnr', 'rej', 'ui', 'ua', 'disc', 'dm', 'sabme', 'test', 'xid', 'frmr'];
const behindLength = (control: number, length = 20) => ethernet(length, [0x42, 0x42, control, 0]);
const found = (bytes: Bytes, linkType = 'EN10MB') =>
  frames.filter((frame) => holdsFor(`llc ${frame}`, bytes, { linkType }));

describe('llc', () => {
  /** IEEE 802.2, 5.4: the control field’s first byte. */
  it.each<[string, number, readonly string[]]>([
    ['information', 0x00, ['i']],
    ['information with a number', 0x46, ['i']],
    ['receive ready', 0x01, ['s', 'rr']],
    ['receive not ready', 0x05, ['s', 'rnr']],
    ['reject', 0x09, ['s', 'rej']],
    ['a supervisory frame without a name', 0x0d, ['s']],
    ['unnumbered information', 0x03, ['u', 'ui']],
    ['unnumbered information with the poll bit', 0x13, ['u', 'ui']],
    ['disconnect', 0x43, ['u', 'disc']],
    ['unnumbered acknowledgement', 0x63, ['u', 'ua']],
    ['disconnect mode', 0x0f, ['u', 'dm']],
    ['set extended mode', 0x6f, ['u', 'sabme']],
    ['a test', 0xe3, ['u', 'test']],
    ['exchange of identities', 0xaf, ['u', 'xid']],
    ['frame reject', 0x87, ['u', 'frmr']],
    ['an unnumbered frame without a name', 0x23, ['u']],
  ])('tells %s', (_, control, expected) => {
    expect(found(behindLength(control))).toEqual(expected);
  });

  it('is behind a length, and not Novell’s bare IPX', () => {
    expect([1500, 1501, 0x0800].map((type) => holdsFor('llc', behindLength(3, type)))).toEqual([true, false, false]);
    expect(holdsFor('llc', ethernet(20, [0xff, 0xff, 3]))).toBe(false);
    expect(holdsFor('llc', ethernet(20, [0xff, 0, 3]))).toBe(true);
  });
  it('is in every data frame of 802.11, whose length is not known', () => {
    const wlan = (type: number): Bytes => [type, 0, ...Array(22).fill(0), 0xaa, 0xaa, 3];
    expect([0x08, 0x00, 0x04, 0x0c].map((type) => holdsFor('llc', wlan(type), { linkType: 'IEEE802_11' }))).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(found(wlan(0x08), 'IEEE802_11')).toEqual(['u', 'ui']);
  });
  it('is refused where there are no LLC headers', () => {
    expect(() => holdsFor('llc', [], { linkType: 'RAW' })).toThrow(/no LLC headers on raw IP/);
  });
});
