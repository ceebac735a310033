import { createHash } from 'node:crypto';
import type { EbpfMap } from '@bpfleet/bpf';
import type { LoadableFilter } from './loadable-filter.js';
import type { MapContent } from './map.js';
import { type TagAlgorithm, tagOf } from './program-tag.js';

/**
 * What can be known of an eBPF program that was loaded, from its descriptors: which one is attached to a socket the kernel does
 * not tell (SO_GET_FILTER: EACCES).
 */
export interface FilterEvidence {
  /** Of the program: see `tagOf`. */
  readonly tag: string;
  /** In the order of the filter's maps. */
  readonly maps: readonly MapEvidence[];
}

export interface MapEvidence {
  /** `sha256:…` over the map's shape and, of a set, its content. */
  readonly digest: string;
  /** The program loaded uses this very map. */
  readonly isUsed: boolean;
  /** Programs cannot change it. */
  readonly isReadOnly: boolean;
  /** No process can change it. */
  readonly isFrozen: boolean;
}

/** What `LoadedFilter.evidence` answers of this filter when all is as it should be. */
export function expectedEvidence(filter: LoadableFilter, algorithm: TagAlgorithm): FilterEvidence {
  const noDescriptors = filter.maps.map(() => 0);
  return {
    tag: tagOf(filter.encode(noDescriptors), algorithm),
    maps: filter.maps.map((map) => ({
      digest: digestOf(map, { keys: map.keys, values: new Uint8Array(map.entries * map.valueBytes) }),
      isUsed: true,
      isReadOnly: map.kind !== 'array',
      isFrozen: true,
    })),
  };
}

/**
 * The same in whatever order a set's keys come. Values follow in theirs: they are all 0, and any other one makes it another
 * digest. Of counters only the shape counts.
 */
export function digestOf({ kind, keyBytes, valueBytes, entries }: EbpfMap, { keys, values }: MapContent): string {
  const hash = createHash('sha256').update(JSON.stringify({ kind, keyBytes, valueBytes, entries }));
  if (kind !== 'array') hash.update(sorted(keys, keyBytes)).update(values);
  return `sha256:${hash.digest('hex')}`;
}

/** As numbers: of hundreds of thousands of keys no other order is made as fast. */
function sorted(keys: Uint8Array, keyBytes: number): Uint8Array {
  const copy = keys.slice();
  if (keyBytes === 4) new Uint32Array(copy.buffer).sort();
  else new BigUint64Array(copy.buffer).sort();
  return copy;
}
