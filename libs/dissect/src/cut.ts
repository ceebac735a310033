/**
 * Why a dissector stops. Thrown inside this library and always caught there (`Walk`), which says it in the tree. One
 * object for each reason: making an Error with its stack for every cut packet would cost more than its dissection.
 */
export class Cut extends Error {
  override readonly name = 'Cut';

  constructor(
    message: string,
    /** What the tree calls it: see `Node`. */
    readonly nodeName: '_ws.short' | '_ws.unreassembled' | '_ws.malformed',
  ) {
    super(message);
  }
}

/** The bytes were on the wire, but not captured. */
export const notCaptured = new Cut('captured only so far', '_ws.short');
/** The message goes on in another packet: a fragment, a segment of a stream, or a quote of its head. */
export const elsewhere = new Cut('the rest is not in this packet', '_ws.unreassembled');
/** A length inside the packet, or a field of fixed length, reaches behind its end. */
export const pastTheEnd = new Cut('the bytes end before the field does', '_ws.malformed');
export const endlessName = new Cut('a compressed name does not end', '_ws.malformed');
/** Hostile packets have room for thousands of fields. */
export const tooManyFields = new Cut('more fields than are shown', '_ws.malformed');
