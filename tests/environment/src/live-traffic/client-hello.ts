import { concatenate } from '@bpfleet/packet';

/** A TLS 1.2 ClientHello in one record (RFC 5246, 7.4.1.2) that names the server (RFC 6066, 3). */
export function clientHello(name: string, randomByte: () => number): Uint8Array {
  const noise = (length: number) => Uint8Array.from({ length }, randomByte);
  const host = new TextEncoder().encode(name);
  const extensions = [
    extension(0, counted16(concatenate(Uint8Array.of(0), counted16(host)))),
    // supported_groups: x25519, secp256r1. signature_algorithms: ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256.
    extension(10, counted16(words(0x001d, 0x0017))),
    extension(13, counted16(words(0x0403, 0x0804))),
  ];
  const body = concatenate(
    ...[words(0x0303), noise(32), Uint8Array.of(32), noise(32)],
    // Cipher suites TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256; no compression.
    counted16(words(0xc02b, 0xc02f)),
    Uint8Array.of(1, 0),
    counted16(concatenate(...extensions)),
  );
  const handshake = concatenate(Uint8Array.of(1, 0), counted16(body));
  return concatenate(Uint8Array.of(22, 3, 1), counted16(handshake));
}

const words = (...values: number[]): Uint8Array =>
  Uint8Array.from(values.flatMap((value) => [value >>> 8, value & 0xff]));
const counted16 = (data: Uint8Array): Uint8Array => concatenate(words(data.length), data);
const extension = (type: number, data: Uint8Array): Uint8Array => concatenate(words(type), counted16(data));
