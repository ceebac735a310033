import { bundleName, type DesiredState, MAX_BUNDLES_BYTES, toBase64 } from '@bpfleet/contract';
import type { LeftOutBundle } from '../border/opener-port.js';
import type { KeptOrders } from './kept-orders.js';

export interface TakenBundles {
  /** Payloads in base64. */
  readonly bundles: readonly string[];
  /** Too much for one agent, or damaged. */
  readonly leftOut: readonly LeftOutBundle[];
}

/**
 * The bundles that a state names, in its order, from disk or else fetched. What would make them more than an agent takes
 * is left out, and kept in mind by name: the others run. So is what is damaged on disk, where nobody can be asked for it.
 * @param fetched undefined: the filter-manager is not to be asked
 * @throws what `fetched` does
 */
export async function takeBundles(
  { entries }: DesiredState,
  kept: KeptOrders,
  fetched?: (digest: string) => Promise<Uint8Array>,
  maxBytes = MAX_BUNDLES_BYTES,
): Promise<TakenBundles> {
  const bundles: string[] = [];
  const leftOut: LeftOutBundle[] = [];
  let roomBytes = maxBytes;
  for (const digest of new Set(entries.map((entry) => entry.digest))) {
    const one = await taken(digest, roomBytes, kept, fetched);
    if (one instanceof Uint8Array) {
      roomBytes -= one.length;
      bundles.push(toBase64(one));
    } else leftOut.push(one);
  }
  return { bundles, leftOut };
}

async function taken(
  digest: string,
  roomBytes: number,
  kept: KeptOrders,
  fetched: ((digest: string) => Promise<Uint8Array>) | undefined,
): Promise<Uint8Array | LeftOutBundle> {
  const known = await kept.bundle(digest);
  if (known !== undefined && known.length <= roomBytes) return known;
  const before = await kept.leftOut(digest);
  if (before !== undefined && (before.sizeBytes > roomBytes || fetched === undefined)) {
    const { filter, version } = before;
    return { digest, filter, version };
  }
  const bytes = known ?? (await fetched?.(digest));
  if (bytes === undefined) return { digest, ...bundleName(await kept.damagedBundle(digest)), isDamaged: true };
  if (bytes.length <= roomBytes) {
    await kept.addBundle(digest, bytes);
    return bytes;
  }
  const named = bundleName(bytes);
  await kept.leaveOut(digest, { ...named, sizeBytes: bytes.length });
  return { digest, ...named };
}
