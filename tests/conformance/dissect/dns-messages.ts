import { concatenate } from '@bpfleet/packet';
import type { Random } from '../random.js';
import { authority, binding, dnssec, options } from './dns-record-data.js';
import { ascii, bytes, hostName, nameOnWire, u16, u32, withByteLength } from './pieces.js';

const ASKED = [1, 28, 15, 16, 2, 5, 6, 12, 43, 48, 64, 65, 257];

export function dnsMessage(random: Random, isAnswer: boolean, isMulticast: boolean): Uint8Array {
  const asked = hostName(random);
  const type = random.of(ASKED);
  const answers = isAnswer ? Array.from({ length: 1 + random.below(4) }, () => dnsRecord(random, isMulticast)) : [];
  const authorities = isAnswer && random.chance(20) ? [dnsRecord(random, isMulticast)] : [];
  const additional = random.chance(50) ? [extension(random)] : [];
  const flags = isAnswer ? 0x8000 | random.below(0x800) | 0x20 : random.of([0x0100, 0x0120, 0x0110, 0]);
  return concatenate(
    u16(random.below(65_536), flags, 1, answers.length, authorities.length, additional.length),
    nameOnWire(asked),
    u16(type, isMulticast && random.chance(50) ? 0x8001 : 1),
    ...answers,
    ...authorities,
    ...additional,
  );
}

/** The pseudo record of EDNS (RFC 6891, 6.1.2). */
function extension(random: Random): Uint8Array {
  const data = options(random);
  return concatenate(
    Uint8Array.of(0),
    u16(41, 1232),
    Uint8Array.of(0, 0),
    u16(random.below(65_536), data.length),
    data,
  );
}

/** Its name is a pointer to the question's, or a name of its own. */
function dnsRecord(random: Random, isMulticast: boolean): Uint8Array {
  const [type, data] = random.of([plain, plain, plain, binding, dnssec, authority])(random);
  const owner = type === 33 ? nameOnWire('_http._tcp.example.org') : someName(random);
  return concatenate(
    owner,
    u16(type, isMulticast && random.chance(50) ? 0x8001 : 1),
    u32(random.below(86_400)),
    u16(data.length),
    data,
  );
}

function someName(random: Random): Uint8Array {
  const pointer = u16(0xc00c);
  return random.of([pointer, nameOnWire(hostName(random)), concatenate(withByteLength(ascii('sub')), pointer)]);
}

/** Those of RFC 1035, and addresses, services and aliases. */
function plain(random: Random): [type: number, data: Uint8Array] {
  const numbers = (count: number) => Array.from({ length: count }, () => random.below(65_536));
  return random.of<() => [number, Uint8Array]>([
    () => [1, bytes(random, 4)],
    () => [28, bytes(random, 16)],
    () => [2, someName(random)],
    () => [5, someName(random)],
    () => [12, someName(random)],
    () => [39, nameOnWire(hostName(random))],
    () => [15, concatenate(u16(...numbers(1)), someName(random))],
    () => [16, concatenate(...Array.from({ length: 1 + random.below(2) }, () => withByteLength(ascii('a=b c'))))],
    () => [
      6,
      concatenate(someName(random), someName(random), u32(...Array.from({ length: 5 }, () => random.below(2 ** 31)))),
    ],
    () => [33, concatenate(u16(...numbers(3)), nameOnWire(hostName(random)))],
    () => [
      35,
      concatenate(
        u16(...numbers(2)),
        ...['S', 'SIP+D2U', random.of(['', '!a!b!'])].map((text) => withByteLength(ascii(text))),
        nameOnWire(hostName(random)),
      ),
    ],
    // Deleted by an update (RFC 2136, 2.5.2).
    () => [random.of([1, 15, 16, 43, 65]), new Uint8Array()],
  ])();
}
