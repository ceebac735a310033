import { concatenate } from '@bpfleet/packet';
import type { Random } from '../random.js';
import { ascii, bytes, hostName, nameOnWire, u16, u32, withByteLength, withLength } from './pieces.js';

type Data = [type: number, data: Uint8Array];
type Choices = readonly (() => Data)[];

const pair = ([code, data]: Data) => concatenate(u16(code), withLength(data));

/** Up to three of them, in any order: of clients, of resolvers, and one of nobody. */
export function options(random: Random): Uint8Array {
  const choices: Choices = [
    () => [10, bytes(random, random.of([8, 16, 24, 40]))],
    () => [
      8,
      random.of([
        concatenate(u16(1, 0x1800), bytes(random, 3)),
        concatenate(u16(2, 0x3800), bytes(random, 7)),
        u16(1, 0),
        concatenate(u16(3, 0x1000), bytes(random, 2)),
      ]),
    ],
    () => [12, new Uint8Array(random.below(40))],
    () => [15, concatenate(u16(random.below(30)), random.of([ascii('Blocked by list'), new Uint8Array()]))],
    () => [11, random.of([new Uint8Array(), u16(random.below(1_000))])],
    () => [5 + random.below(3), bytes(random, 1 + random.below(3))],
    () => [random.of([3, 9, 14, 65_001]), bytes(random, 2 * random.below(3))],
  ];
  return concatenate(...Array.from({ length: random.below(4) }, () => pair(random.of(choices)())));
}

/** HTTPS and SVCB (RFC 9460): keys in their order, of these some. */
export function binding(random: Random): Data {
  const protocols = ['h2', 'h3', 'http/1.1'].filter(() => random.chance(60));
  const choices: Choices = [
    () => [0, u16(1, 4)],
    () => [1, concatenate(...protocols.map((protocol) => withByteLength(ascii(protocol))))],
    () => [2, new Uint8Array()],
    () => [3, u16(random.below(65_536))],
    () => [4, bytes(random, 4 * (1 + random.below(2)))],
    () => [5, bytes(random, 70 * random.below(2))],
    () => [6, bytes(random, 16 * (1 + random.below(2)))],
    () => [7, ascii('/dns-query{?dns}')],
    () => [32_769, bytes(random, 4)],
    () => [65_280, bytes(random, random.below(3))],
  ];
  const parameters = choices.filter(() => random.chance(40)).map((make) => pair(make()));
  const target = random.chance(50) ? Uint8Array.of(0) : nameOnWire(hostName(random));
  return [random.of([64, 65]), concatenate(u16(random.below(3)), target, ...parameters)];
}

/** What zones are signed with, and certificates and keys that names vouch for. */
export function dnssec(random: Random): Data {
  const number = (bits: number) => random.below(2 ** bits);
  const types = random.of([new Uint8Array(), Uint8Array.of(0, 6, 0x40, 1, 0, 0, 0, 3, 1, 1, 0x40)]);
  const hashing = (flags: number) =>
    concatenate(Uint8Array.of(1, flags), u16(number(8)), withByteLength(bytes(random, random.of([0, 4, 8]))));
  return random.of<() => Data>([
    () => [
      46,
      concatenate(
        u16(random.of([1, 28, 65, 257]), 0x0d03),
        u32(number(17), number(32), number(32)),
        u16(number(16)),
        nameOnWire(hostName(random)),
        bytes(random, random.of([64, 256])),
      ),
    ],
    () => [random.of([43, 59]), concatenate(u16(number(16), 0x0d02), bytes(random, 32))],
    () => [random.of([48, 60]), concatenate(u16(number(16), 0x030d), bytes(random, random.of([64, 260])))],
    () => [47, concatenate(nameOnWire(hostName(random)), types)],
    () => [50, concatenate(hashing(number(1)), withByteLength(bytes(random, 20)), types)],
    () => [51, hashing(0)],
    () => [52, concatenate(Uint8Array.of(3, 1, 1), bytes(random, 32))],
    () => [44, concatenate(Uint8Array.of(4, 2), bytes(random, 32))],
  ])();
}

/** Which authority may issue certificates (RFC 8659, 4.1). */
export function authority(random: Random): Data {
  const tag = random.of(['issue', 'issuewild', 'iodef', 'other']);
  const value = random.of(['', 'ca.example.org', 'mailto:a@example.org']);
  return [257, concatenate(Uint8Array.of(random.of([0, 0x80, 1])), withByteLength(ascii(tag)), ascii(value))];
}
