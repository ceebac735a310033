/**
 * Bytes of a packet as text that a terminal and a page can show: UTF-8 and control characters become `\xNN`, as they may
 * be anything. `\` is doubled, so that no two runs of bytes look alike.
 */
export function printable(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += SHOWN[bytes[i]!];
  return text;
}

const SHOWN = Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x5c) return '\\\\';
  if (byte === 0x0d) return '\\r';
  if (byte === 0x0a) return '\\n';
  if (byte === 0x09) return '\\t';
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
});
