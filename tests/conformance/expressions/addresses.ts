import type { Writer } from './writer.js';

const HOSTS4 = ['10.0.0.1', '10.0.0.2', '192.168.1.7', '224.0.0.5', '255.255.255.255', '0.0.0.0', '127.0.0.1'];
const PARTIAL4 = ['10.1', '172.16.5', '192.168.1', '10.0', '224.0.0'];
const HOSTS6 = ['2001:db8::1', 'fe80::1', '::', 'ff02::1', '::ffff:10.0.0.1', '2001:db8:1:2:3:4:5:6', '::1'];
const MACS = ['00:11:22:aa:bb:cc', '00-11-22-aa-bb-cc', '0011.22aa.bbcc', '001122aabbcc', '0.11.22.aa.bb.cc'];
const NETS4 = ['10.0.0.0', '10.128.0.0', '172.16.0.0', '192.168.1.0', '192.168.1.4'];

export const directions = ['src', 'dst', 'src or dst', 'dst or src', 'src and dst', 'dst and src'] as const;
export const wlanAddresses = ['ra', 'ta', 'addr1', 'addr2', 'addr3', 'addr4'] as const;

/** With its space behind; often none. */
export function direction(w: Writer): string {
  return w.chance(30) ? '' : `${w.variant('direction', directions)} `;
}

export function host4(w: Writer): string {
  if (w.chance(70)) return w.of(HOSTS4);
  return [10, w.below(256), w.below(4), w.below(256)].join('.');
}

export const partial4 = (w: Writer): string => w.of(PARTIAL4);

export function host6(w: Writer): string {
  return w.chance(70) ? w.of(HOSTS6) : `2001:db8:${w.below(0xffff).toString(16)}::${w.below(0xffff).toString(16)}`;
}

export function mac(w: Writer): string {
  if (w.chance(15)) return w.of(['ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '33:33:0:0:0:1']);
  return w.variant('1.3 MAC', MACS);
}

/** Nearly always a network's own address; now and then one with bits set behind the prefix, which is an error. */
export function net4(w: Writer): string {
  const bits = w.of([0, 1, 7, 8, 9, 12, 15, 16, 17, 20, 23, 24, 25, 30, 31, 32]);
  if (w.chance(4)) return `10.0.0.255/${bits}`;
  const address = [10, 1, w.below(256), w.below(256)].reduce((sum, part) => sum * 256 + part, 0);
  const masked = bits === 0 ? 0 : (address & (-1 << (32 - bits))) >>> 0;
  return `${dotted(masked)}/${bits}`;
}

export function net6(w: Writer): string {
  const [address, bits] = w.of([
    ['2001:db8::', 32],
    ['2001:db8::', 33],
    ['fe80::', 10],
    ['::', 0],
    ['2001:db8::1', 128],
    ['2001:db8:1:2::', 64],
    ['2001:db8:1:2::', 65],
    ['2001:db8:1:2:8000::', 96],
    ['ff00::', 8],
    ['2001:db8::ffff', 64],
  ] as const);
  return `${address}/${bits}`;
}

export function netWithMask(w: Writer): string {
  const mask = w.of(['255.0.0.0', '255.255.255.0', '255.255.255.252', '255.0.0.255', '0.0.0.0', '255.255.255.255']);
  return w.chance(5) ? `10.0.0.255 mask ${mask}` : `${w.of(NETS4.slice(0, 1))} mask ${mask}`;
}

export const classful4 = (w: Writer): string => w.of(['10', '172.16', '192.168.1', '10.0.0.1', '224', '0', '127']);

const dotted = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
