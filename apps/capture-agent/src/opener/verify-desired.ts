import {
  acceptDesired,
  type Bundle,
  bundleName,
  type DesiredContext,
  type DesiredEntry,
  type DesiredState,
  digestOf,
  fromBase64,
  MAX_BUNDLES_BYTES,
  openBundle,
  type Trust,
  type Verification,
} from '@bpfleet/contract';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import type { DesireOrder } from '../border/opener-port.js';

interface Entry {
  readonly digest: string;
  readonly interfaces: readonly string[];
  /** Unix ms of the service's clock; undefined: no end. */
  readonly notAfterMs: number | undefined;
}

/** One bundle that should run, with where and until when. */
export interface VerifiedEntry extends Entry {
  readonly bundle: Bundle;
}

/** One that does not run anywhere. */
export interface RefusedEntry extends Pick<Entry, 'digest' | 'interfaces'> {
  readonly named: { readonly filter: string; readonly version: number };
  readonly error: BpfleetError;
}

export interface VerifiedState {
  readonly state: DesiredState;
  readonly trust: Trust;
  readonly entries: readonly VerifiedEntry[];
  /** Not to be read though a trusted key has signed them, so they may be of a newer release; or too much for this agent. */
  readonly refused: readonly RefusedEntry[];
}

/**
 * Decides whether an order is to be followed. Signatures are verified over the bytes as they came, before anything is
 * parsed. One bundle that is missing, or that no trusted key has signed, refuses the whole state: what runs keeps running. Those
 * that the agent left out, for they are too much or damaged, only do not run; what runs of the same state keeps running.
 * @param before of the state before: of many bundles, a new state changes few, and to parse them takes longer than to verify them
 * @throws BpfleetError `SIGNATURE_INVALID`, `DOCUMENT_INVALID`, `VERSION_CONFLICT`, `BUNDLE_INVALID`
 */
export function verifyDesired(
  order: DesireOrder,
  context: DesiredContext,
  before: readonly VerifiedEntry[] = [],
): VerifiedState {
  const known = new Map(before.map(({ digest, bundle }) => [digest, bundle]));
  const { state, trust } = acceptDesired(order.state, context);
  const verification = { keys: trust.keys, crypto: context.crypto };
  const payloads = new Map(
    order.bundles.map((text) => {
      const payload = fromBase64(text);
      return [digestOf(payload, context.crypto), payload];
    }),
  );
  const entries: VerifiedEntry[] = [];
  const leftOut = new Map((order.leftOut ?? []).map((one) => [one.digest, one]));
  const refused: RefusedEntry[] = [];
  for (const entry of state.entries) {
    const payload = payloads.get(entry.digest);
    const { digest, interfaces, notAfter } = entry;
    if (payload === undefined) {
      const named = leftOut.get(digest);
      if (named === undefined) throw new BpfleetError('BUNDLE_INVALID', `bundle ${digest} was not handed over`);
      const running = state.generation === context.generation ? before.find((one) => one.digest === digest) : undefined;
      if (running && named.isDamaged) entries.push(running);
      else refused.push({ digest, interfaces, named, error: named.isDamaged ? damaged(digest) : tooMuch(digest) });
      continue;
    }
    const read = readBundle(payload, entry, verification, known.get(digest));
    if (read instanceof BpfleetError) refused.push({ digest, interfaces, named: bundleName(payload), error: read });
    else {
      const notAfterMs = notAfter === undefined ? undefined : Date.parse(notAfter);
      entries.push({ digest, interfaces, notAfterMs, bundle: read });
    }
  }
  return { state, trust, entries, refused };
}

const damaged = (digest: string): BpfleetError =>
  new BpfleetError('BUNDLE_INVALID', `what is kept of bundle ${digest} is damaged or gone`, {
    hint: 'it is fetched again once the filter-manager answers',
  });

const tooMuch = (digest: string): BpfleetError =>
  new BpfleetError(
    'FILTER_TOO_LARGE',
    `no room for bundle ${digest}: those of one agent have at most ${MAX_BUNDLES_BYTES} bytes together`,
    { hint: 'assign fewer or smaller filters to this agent; they are taken in the order of their names' },
  );

/** @returns the error when it is genuine and not to be read */
function readBundle(
  payload: Uint8Array,
  entry: DesiredEntry,
  verification: Verification,
  known: Bundle | undefined,
): Bundle | BpfleetError {
  try {
    return openBundle(payload, entry, verification, known);
  } catch (error) {
    // It was found by its digest, and is parsed only once its signature holds.
    if (hasCode(error, 'BUNDLE_INVALID')) return error;
    throw error;
  }
}
