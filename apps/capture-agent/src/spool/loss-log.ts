import type { Logger } from 'pino';
import type { Amount } from './amount.js';

/** Packets that were captured and will not arrive. */
export interface SpoolLosses {
  /** Since this process began to capture: for want of room, or too old. */
  readonly evicted: Amount;
  /** By its disk, or whoever wrote there. */
  readonly damaged: Amount;
  /** Nobody knows any more whether they were sent. */
  readonly passed: Amount;
}

export const EVICTED =
  'sections are given up, the oldest first, for the spool is full or they are too old: see why the brokers take none, ' +
  'or raise BPFLEET_AGENT_SPOOL_BYTES and BPFLEET_AGENT_SPOOL_HOURS';

const SAID = {
  evicted: { code: 'SPOOL_FULL', text: EVICTED },
  damaged: {
    code: 'SECTION_CORRUPT',
    text: 'the spool was damaged: sections are lost, the rest is sent; check its disk',
  },
  passed: {
    code: 'SECTION_CORRUPT',
    text: 'how far the spool was sent was lost: sections whose keys are gone are taken for sent; check its disk',
  },
} as const;
const kinds = Object.keys(SAID) as readonly (keyof SpoolLosses)[];

/** Says in the log that there are more losses than it said before. */
export class LossLog {
  readonly #said = new Map<keyof SpoolLosses, number>();

  constructor(
    private readonly folder: string,
    private readonly logger: Pick<Logger, 'error'>,
  ) {}

  /** @returns whether there are more */
  tell(losses: SpoolLosses): boolean {
    const grown = kinds.filter((kind) => sizeOf(losses[kind]) > (this.#said.get(kind) ?? 0));
    for (const kind of grown) {
      const { sections, packets, bytes } = losses[kind];
      const { code, text } = SAID[kind];
      this.#said.set(kind, sizeOf(losses[kind]));
      this.logger.error({ code, folder: this.folder, sections, packets, bytes }, text);
    }
    return grown.length > 0;
  }
}

/** Of a damage it may be known only how many bytes it has. */
const sizeOf = ({ sections, bytes }: Amount): number => sections + bytes;
