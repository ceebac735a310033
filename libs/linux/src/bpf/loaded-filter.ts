import type { EbpfMap } from '@bpfleet/bpf';
import { closeDescriptor } from '../calls/libc.js';
import { digestOf, type FilterEvidence } from './evidence.js';
import type { LoadableFilter } from './loadable-filter.js';
import { createMap, fillMap, freezeMap, readCounters, readMap } from './map.js';
import { mapInfo, programInfo } from './object-info.js';
import { loadSocketFilter } from './program.js';

/** A filter in the kernel, ready to be attached. */
export class LoadedFilter {
  private constructor(
    readonly program: number,
    private readonly maps: readonly { readonly fd: number; readonly map: EbpfMap }[],
  ) {}

  /**
   * Makes and fills the maps, freezes them, then loads the program.
   * @throws BpfleetError `ATTACH_REFUSED`, SystemCallError; nothing stays open then
   */
  static load({ maps, encode }: LoadableFilter): LoadedFilter {
    const descriptors: number[] = [];
    try {
      for (const map of maps) {
        const fd = createMap(map);
        descriptors.push(fd);
        if (map.keys.length > 0) fillMap(fd, map);
        freezeMap(fd);
      }
      const program = loadSocketFilter(encode(descriptors));
      return new LoadedFilter(
        program,
        maps.map((map, index) => ({ fd: descriptors[index]!, map })),
      );
    } catch (error) {
      for (const fd of descriptors) closeDescriptor(fd);
      throw error;
    }
  }

  /** Packets seen and accepted since it was loaded; undefined for a filter that does not count. */
  counted(): { readonly seen: bigint; readonly accepted: bigint } | undefined {
    const counters = this.maps.find(({ map }) => map.kind === 'array');
    if (counters === undefined) return undefined;
    const [seen = 0n, accepted = 0n] = readCounters(counters.fd, 2);
    return { seen, accepted };
  }

  /** What the kernel has now, read from it: to be compared with `expectedEvidence`. @throws SystemCallError */
  evidence(): FilterEvidence {
    const { tag, mapIds } = programInfo(this.program);
    const maps = this.maps.map(({ fd, map }) => {
      const { id, isReadOnly, isFrozen } = mapInfo(fd);
      return { digest: digestOf(map, readMap(fd, map)), isUsed: mapIds.includes(id), isReadOnly, isFrozen };
    });
    return { tag, maps };
  }

  /** Sockets that it is attached to keep the program and its maps. */
  close(): void {
    for (const fd of [this.program, ...this.maps.map((map) => map.fd)]) closeDescriptor(fd);
  }
}
