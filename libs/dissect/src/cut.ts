/**
 * Why a dissector stops: what it wanted to read is not there, or the tree is as large as it may be. Thrown inside this
 * library and always caught there (`Walk`). One object for each reason: making an Error with its stack for every cut
 * packet would cost more than its dissection.
 */
export class Cut extends Error {
  override readonly name = 'Cut';
}

/** The bytes were on the wire, but not captured. */
export const notCaptured = new Cut('captured only so far');
/** A length inside the packet, or a field of fixed length, reaches behind its end. */
export const pastTheEnd = new Cut('the bytes end before the field does');
/** Hostile packets have room for thousands of fields. */
export const tooManyFields = new Cut('more fields than are shown');
