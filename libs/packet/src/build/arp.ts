import { parseIpv4, parseMac } from '../parse-address.js';
import { bytesU16, concatenate } from './bytes.js';

export interface ArpFields {
  readonly operation: 'request' | 'reply';
  readonly senderMac: string;
  readonly senderAddress: string;
  /** Unknown in a request. */
  readonly targetMac?: string;
  readonly targetAddress: string;
}

/** ARP for IPv4 over Ethernet (RFC 826), 28 bytes. */
export function buildArp(fields: ArpFields): Uint8Array<ArrayBuffer> {
  return concatenate(
    bytesU16(1, 0x0800, 0x0604, fields.operation === 'request' ? 1 : 2),
    parseMac(fields.senderMac),
    parseIpv4(fields.senderAddress),
    parseMac(fields.targetMac ?? '00:00:00:00:00:00'),
    parseIpv4(fields.targetAddress),
  );
}
