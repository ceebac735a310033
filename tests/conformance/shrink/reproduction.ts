import type { Difference } from '../comparison.js';

/** A difference as a line that the corpus takes. */
export function reproduction({ expression, form, packet, ours, theirs }: Difference): string {
  const hex =
    packet && Buffer.from(packet.bytes.subarray(packet.start, packet.start + packet.capturedLength)).toString('hex');
  return JSON.stringify({
    expression,
    form: form.name,
    ...(hex !== undefined && { packet: hex }),
    ...(packet?.metadata && { metadata: packet.metadata }),
    ours,
    theirs,
  });
}
