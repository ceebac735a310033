import type { EbpfFilter } from '@bpfleet/bpf';
import { closeDescriptor } from '../calls/libc.js';
import { createMap, fillMap, readCounters } from './map.js';
import { loadSocketFilter } from './program.js';

/** What `load` needs of a filter: its maps, and its instructions once the maps have descriptors. */
export interface LoadableFilter {
  readonly maps: EbpfFilter['maps'];
  encode(descriptors: readonly number[]): Uint8Array;
}

/** A filter in the kernel, ready to be attached. */
export class LoadedFilter {
  private constructor(
    readonly program: number,
    private readonly maps: readonly number[],
    private readonly counters: number | undefined,
  ) {}

  /**
   * Makes and fills the maps, then loads the program.
   * @throws BpfleetError `ATTACH_REFUSED`, SystemCallError; nothing stays open then
   */
  static load({ maps, encode }: LoadableFilter): LoadedFilter {
    const descriptors: number[] = [];
    try {
      for (const map of maps) {
        const fd = createMap(map);
        descriptors.push(fd);
        if (map.keys.length > 0) fillMap(fd, map);
      }
      const counters = maps.findIndex(({ kind }) => kind === 'array');
      return new LoadedFilter(loadSocketFilter(encode(descriptors)), descriptors, descriptors[counters]);
    } catch (error) {
      for (const fd of descriptors) closeDescriptor(fd);
      throw error;
    }
  }

  /** Packets seen and accepted since it was loaded; undefined for a filter that does not count. */
  counted(): { readonly seen: bigint; readonly accepted: bigint } | undefined {
    if (this.counters === undefined) return undefined;
    const [seen = 0n, accepted = 0n] = readCounters(this.counters, 2);
    return { seen, accepted };
  }

  /** Sockets that it is attached to keep the program and its maps. */
  close(): void {
    for (const fd of [this.program, ...this.maps]) closeDescriptor(fd);
  }
}
