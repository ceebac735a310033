import type { Dissection } from './dissection.js';
import { u16, u32 } from './read-bytes.js';

const flagLetters = 'FSRP.UEW';
const FIN_SYN_RST = 0x07;
const ACK = 0x10;
const URG = 0x20;

/** `Flags [S], seq 7, win 64240, options [mss 1460], length 0`. Sequence numbers are absolute, as with `-S`. */
export function summarizeTcp(d: Dissection, bytes: Uint8Array): string {
  const at = d.transportOffset;
  if (at + 20 > d.end) return '[|tcp]';
  const headerLength = (bytes[at + 12]! >> 4) * 4;
  if (headerLength < 20) return `tcp [bad hdr length ${headerLength}]`;
  const flags = d.tcpFlags;
  const letters = [...flagLetters].filter((_, bit) => flags & (1 << bit)).join('') || 'none';
  const parts = [`Flags [${letters}]`];
  const sequence = u32(bytes, at + 4);
  if (d.payloadLength > 0) parts.push(`seq ${sequence}:${(sequence + d.payloadLength) >>> 0}`);
  else if (flags & FIN_SYN_RST) parts.push(`seq ${sequence}`);
  if (flags & ACK) parts.push(`ack ${u32(bytes, at + 8)}`);
  parts.push(`win ${u16(bytes, at + 14)}`);
  if (flags & URG) parts.push(`urg ${u16(bytes, at + 18)}`);
  const options = optionList(bytes, at + 20, at + headerLength, d.end);
  if (options.length > 0) parts.push(`options [${options.join(',')}]`);
  parts.push(`length ${d.payloadLength}`);
  return parts.join(', ');
}

/** RFC 9293, 3.1: kinds 0 and 1 are one byte, all others have a length byte that counts itself and the kind. */
function optionList(bytes: Uint8Array, start: number, headerEnd: number, capturedEnd: number): string[] {
  const options: string[] = [];
  for (let at = start; at < headerEnd; ) {
    if (at >= capturedEnd) return [...options, '[|tcp]'];
    const kind = bytes[at]!;
    if (kind === 0) return [...options, 'eol'];
    if (kind === 1) {
      options.push('nop');
      at++;
      continue;
    }
    if (at + 2 > Math.min(headerEnd, capturedEnd)) return [...options, '[|tcp]'];
    const length = bytes[at + 1]!;
    if (length < 2 || at + length > headerEnd) return [...options, '[bad opt]'];
    if (at + length > capturedEnd) return [...options, '[|tcp]'];
    options.push(optionText(bytes, at, kind, length));
    at += length;
  }
  return options;
}

function optionText(bytes: Uint8Array, at: number, kind: number, length: number): string {
  if (kind === 2 && length === 4) return `mss ${u16(bytes, at + 2)}`;
  if (kind === 3 && length === 3) return `wscale ${bytes[at + 2]}`;
  if (kind === 4 && length === 2) return 'sackOK';
  if (kind === 5 && length % 8 === 2) return selectiveAcks(bytes, at + 2, (length - 2) / 8);
  if (kind === 8 && length === 10) return `TS val ${u32(bytes, at + 2)} ecr ${u32(bytes, at + 6)}`;
  return `unknown-${kind}`;
}

function selectiveAcks(bytes: Uint8Array, at: number, count: number): string {
  const blocks = Array.from({ length: count }, (_, i) => `{${u32(bytes, at + 8 * i)}:${u32(bytes, at + 8 * i + 4)}}`);
  return `sack ${count} ${blocks.join('')}`;
}
