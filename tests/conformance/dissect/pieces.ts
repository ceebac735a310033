import { concatenate, formatIpv4, formatIpv6, formatMac } from '@bpfleet/packet';
import type { Random } from '../random.js';

export interface Ends {
  readonly source: string;
  readonly destination: string;
}

export const u16 = (...numbers: readonly number[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(numbers.flatMap((number) => [(number >> 8) & 0xff, number & 0xff]));
export const u32 = (...numbers: readonly number[]): Uint8Array<ArrayBuffer> =>
  concatenate(...numbers.map((number) => u16(number >>> 16, number & 0xffff)));
export const bytes = (random: Random, length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, () => random.below(256));
export const ascii = (value: string): Uint8Array => new TextEncoder().encode(value);
export const withLength = (data: Uint8Array): Uint8Array => concatenate(u16(data.length), data);
export const withByteLength = (data: Uint8Array): Uint8Array => concatenate(Uint8Array.of(data.length), data);
/** Labels, each behind its length (RFC 1035, 3.1). */
export const nameOnWire = (name: string): Uint8Array =>
  concatenate(...name.split('.').map((label) => withByteLength(ascii(label))), Uint8Array.of(0));

export const macOf = (random: Random): string => formatMac(bytes(random, 6), 0);

export function randomEnds(random: Random, version: 4 | 6): Ends {
  const address = () =>
    version === 4
      ? formatIpv4(concatenate(Uint8Array.of(10), bytes(random, 3)), 0)
      : formatIpv6(
          concatenate(
            Uint8Array.of(0x20, 1, 0x0d, 0xb8),
            random.chance(50) ? bytes(random, 12) : new Uint8Array(11),
            Uint8Array.of(random.below(256)),
          ),
          0,
        );
  return { source: address(), destination: address() };
}

const WORDS = ['www', 'mail', 'api', 'a', 'example', 'internal-service', 'x'.repeat(63), 'org', 'net', 'local'];
export const hostName = (random: Random): string =>
  Array.from({ length: 1 + random.below(4) }, () => random.of(WORDS)).join('.');

/** Of ports that no protocol has, so that tshark has none for it either. */
export const highPort = (random: Random): number => 63_000 + random.below(1_000);

/** Text that no protocol begins with. */
export const filler = (random: Random): Uint8Array => ascii('~'.repeat(random.below(60)));
