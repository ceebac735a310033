import {
  acceptDesired,
  type Bundle,
  type DesiredContext,
  type DesiredEntry,
  type DesiredState,
  digestOf,
  fromBase64,
  openBundle,
  type Trust,
} from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import type { DesireOrder } from '../border/opener-port.js';

/** One bundle that should run, with where and until when. */
export interface VerifiedEntry {
  readonly digest: string;
  readonly bundle: Bundle;
  readonly interfaces: readonly string[];
  /** Unix ms of the service's clock; undefined: no end. */
  readonly notAfterMs: number | undefined;
}

export interface VerifiedState {
  readonly state: DesiredState;
  readonly trust: Trust;
  readonly entries: readonly VerifiedEntry[];
}

/**
 * Decides whether an order is to be followed. Signatures are verified over the bytes as they came, before anything is
 * parsed. One bundle that does not hold refuses the whole state: what runs keeps running.
 * @throws BpfleetError `SIGNATURE_INVALID`, `DOCUMENT_INVALID`, `VERSION_CONFLICT`, `BUNDLE_INVALID`
 */
export function verifyDesired(order: DesireOrder, context: DesiredContext): VerifiedState {
  const { state, trust } = acceptDesired(order.state, context);
  const verification = { keys: trust.keys, crypto: context.crypto };
  const payloads = new Map(
    order.bundles.map((text) => {
      const payload = fromBase64(text);
      return [digestOf(payload, context.crypto), payload];
    }),
  );
  const entries = state.entries.map((entry) => {
    const payload = payloads.get(entry.digest);
    if (payload === undefined) throw new BpfleetError('BUNDLE_INVALID', `bundle ${entry.digest} was not handed over`);
    return verifiedEntry(entry, openBundle(payload, entry, verification));
  });
  return { state, trust, entries };
}

const verifiedEntry = ({ digest, interfaces, notAfter }: DesiredEntry, bundle: Bundle): VerifiedEntry => ({
  digest,
  bundle,
  interfaces,
  notAfterMs: notAfter === undefined ? undefined : Date.parse(notAfter),
});
