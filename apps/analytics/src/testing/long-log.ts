import type { TailPlace, TailSection, TailSpan } from '@bpfleet/store';
import { TailSource } from '../tail/tail-source.js';
import { makeSection, NOW_MS, NOW_NS, storedSection } from './sections.js';

/** A log of a million sections, each of which is there when it is read. Counts what was read. */
export class LongLog extends TailSource {
  read = 0;
  readBytes = 0;
  questions = 0;
  readonly #section;

  constructor(packetsPerSection = 1) {
    super();
    const atNs = Array.from({ length: packetsPerSection }, () => NOW_NS);
    this.#section = storedSection(makeSection({ agent: 'host-1', epoch: 1, seq: 1, filter: 'web@3', atNs }));
  }

  override async ends() {
    this.questions++;
    const end = {
      logId: 'log',
      partition: 0,
      next: 1_000_000n,
      replacement: 0n,
      replacedAtUs: 0,
      movedUs: 0,
      isNewest: true,
    };
    return { ends: [end], nowUs: NOW_MS * 1000, retainedFromUs: 0 };
  }
  override async places(): Promise<TailPlace[]> {
    return [{ logId: 'log', partition: 0, next: 0n, replacement: 0n, storedFromUs: 0 }];
  }
  override async sections(
    [span]: readonly TailSpan[],
    _: unknown,
    { limit, limitBytes }: { limit: number; limitBytes: number },
  ) {
    const { byteLength } = this.#section.body;
    const count = Math.min(limit, Math.ceil(limitBytes / byteLength));
    this.read += count;
    this.readBytes += count * byteLength;
    return Array.from({ length: count }, (_, index): TailSection => {
      const offset = span!.place.next + BigInt(index);
      return { ...this.#section, seq: Number(offset), logId: 'log', partition: 0, offset, ingestedUs: 0 };
    });
  }
  override async firstOffset() {
    return undefined;
  }
  override async retainedFromUs() {
    return 0;
  }
  override async givenUp() {
    return [];
  }
}
