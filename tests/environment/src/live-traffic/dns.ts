import { concatenate, parseAddress } from '@bpfleet/packet';

const TYPE = { A: 1, AAAA: 28 } as const;

/** A recursive question and its answer (RFC 1035, 4): A, or AAAA for an IPv6 address. */
export function dnsExchange(id: number, name: string, address: string): { question: Uint8Array; answer: Uint8Array } {
  const data = parseAddress(address);
  const type = data.length === 4 ? TYPE.A : TYPE.AAAA;
  const labels = name
    .split('.')
    .map((label) => concatenate(Uint8Array.of(label.length), new TextEncoder().encode(label)));
  const asked = concatenate(...labels, Uint8Array.of(0, 0, type, 0, 1));
  const message = (flags: number, answers: number, ...rest: Uint8Array[]) =>
    concatenate(
      Uint8Array.of(id >> 8, id & 0xff, flags >> 8, flags & 0xff, 0, 1, 0, answers, 0, 0, 0, 0),
      asked,
      ...rest,
    );
  // The answer's name points at the question's, at offset 12; it lives for 300 s.
  const record = concatenate(Uint8Array.of(0xc0, 12, 0, type, 0, 1, 0, 0, 1, 44, 0, data.length), data);
  return { question: message(0x0100, 0), answer: message(0x8180, 1, record) };
}
