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
  type Verification,
} from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { z } from 'zod';
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
  /** A trusted key has signed them, but we cannot read them: they may be of a newer release. */
  readonly unreadable: readonly RefusedEntry[];
}

/**
 * Decides whether an order is to be followed. Signatures are verified over the bytes as they came, before anything is
 * parsed. One bundle that is missing, or that no trusted key has signed, refuses the whole state: what runs keeps running.
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
  const entries: VerifiedEntry[] = [];
  const unreadable: RefusedEntry[] = [];
  for (const entry of state.entries) {
    const payload = payloads.get(entry.digest);
    if (payload === undefined) throw new BpfleetError('BUNDLE_INVALID', `bundle ${entry.digest} was not handed over`);
    const read = readBundle(payload, entry, verification);
    const { digest, interfaces, notAfter } = entry;
    if (read instanceof BpfleetError) unreadable.push({ digest, interfaces, named: nameIn(payload), error: read });
    else {
      const notAfterMs = notAfter === undefined ? undefined : Date.parse(notAfter);
      entries.push({ digest, interfaces, notAfterMs, bundle: read });
    }
  }
  return { state, trust, entries, unreadable };
}

/** @returns the error when it is genuine and not to be read */
function readBundle(payload: Uint8Array, entry: DesiredEntry, verification: Verification): Bundle | BpfleetError {
  try {
    return openBundle(payload, entry, verification);
  } catch (error) {
    // It was found by its digest, and is parsed only once its signature holds.
    if (error instanceof BpfleetError && error.code === 'BUNDLE_INVALID') return error;
    throw error;
  }
}

const Named = z.object({ filter: z.string().max(63).catch('unknown'), version: z.int().positive().catch(1) });

/** What it says of itself, for the status: verified, but of a form that we do not know. */
function nameIn(payload: Uint8Array): { filter: string; version: number } {
  try {
    return Named.catch({ filter: 'unknown', version: 1 }).parse(JSON.parse(new TextDecoder().decode(payload)));
  } catch {
    // No JSON at all.
    return { filter: 'unknown', version: 1 };
  }
}
