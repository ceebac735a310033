import type { AgentStatus } from '@bpfleet/contract';
import { diskAdvice } from '../disk-advice.js';
import { type Amount, minus, noAmount, plus } from './amount.js';
import { EVICTED, type SpoolLosses } from './loss-log.js';

const ADVICE =
  'make its folder again where that is gone, see that it is the agent’s own, and that its disk has space and can be written';

/** What is asked for its state; `DiskSpool` and `SessionKeys` implement it. */
export interface TroubledSpool {
  readonly troubles: readonly string[];
  readonly counts: { readonly damaged: Amount; readonly evicted: Amount };
  readonly passed: Amount;
}

/** What is wrong with the disk that sections wait on, for the status: what, and what to do. */
export class SpoolErrors {
  #refusal: string | undefined;
  #unsigned: Amount = noAmount;
  #evictedBefore: Amount = noAmount;
  readonly #deleted = new Set<string>();

  constructor(
    private readonly folder: string,
    /** How much waits in memory instead, at most. */
    private readonly pendingBytes: number,
    private readonly spool: TroubledSpool,
    private readonly keys: Pick<TroubledSpool, 'troubles'>,
  ) {}

  /** This process captures from here on: what was given up before, the one before has told. */
  begin(): void {
    this.#evictedBefore = this.spool.counts.evicted;
  }

  get losses(): SpoolLosses {
    const { damaged, evicted } = this.spool.counts;
    const { passed } = this.spool;
    // What nothing signs counts as given up, too, and is told by itself.
    return { damaged, passed, evicted: minus(minus(evicted, this.#evictedBefore), this.#unsigned) };
  }

  /** The disk takes no section now. @returns whether that is news */
  refused(message: string): boolean {
    const isNews = this.#refusal === undefined;
    this.#refusal = message;
    return isNews;
  }

  /** It takes them again. */
  taken(): void {
    this.#refusal = undefined;
  }

  /** One more section is given up, for the key of its epoch is lost. */
  unsigned(packets: number): void {
    this.#unsigned = plus(this.#unsigned, { sections: 1, packets, bytes: 0 });
  }

  /** These files are gone under the process that has them mapped, whatever comes in their place. @returns whether that is news */
  deleted(names: readonly string[]): boolean {
    const before = this.#deleted.size;
    for (const name of names) this.#deleted.add(name);
    return this.#deleted.size > before;
  }

  get isRefused(): boolean {
    return this.#refusal !== undefined;
  }

  get current(): AgentStatus['errors'] {
    const at = new Date().toISOString();
    const troubles = [...this.spool.troubles, ...this.keys.troubles].map(
      (trouble) => `${trouble}; ${diskAdvice(trouble, ADVICE)}`,
    );
    const messages = [...this.#refusals(), ...troubles];
    return [
      ...messages.map((message) => ({ code: 'DATA_NOT_WRITABLE', message, at })),
      ...this.#evictions().map((message) => ({ code: 'SPOOL_FULL', message, at })),
      ...[...this.#damages(), ...this.#passed(), ...this.#lostKeys(), ...this.#gone()].map((message) => ({
        code: 'SECTION_CORRUPT',
        message,
        at,
      })),
    ];
  }

  #refusals(): string[] {
    if (this.#refusal === undefined) return [];
    const what = `${this.#refusal}; sections wait in memory, at most ${this.pendingBytes} bytes`;
    const advice = 'free space on its disk, make it writable, or make its folder again where that is gone';
    return [`${what}: ${diskAdvice(this.#refusal, advice)}`];
  }

  #evictions(): string[] {
    const { sections, packets } = this.losses.evicted;
    return sections <= 0 ? [] : [`${sections} sections with ${packets} packets since the agent began: ${EVICTED}`];
  }

  #lostKeys(): string[] {
    const { sections, packets } = this.#unsigned;
    if (sections === 0) return [];
    const what = `session keys in ${this.folder} were lost`;
    return [
      `${what}: ${sections} sections with ${packets} packets that nothing else signs are given up; check its disk`,
    ];
  }

  #gone(): string[] {
    if (this.#deleted.size === 0) return [];
    const what = `${[...this.#deleted].join(', ')} in ${this.folder}: deleted by somebody`;
    return [`${what}, so a kill -9 would lose or double packets: restart the agent`];
  }

  #passed(): string[] {
    const { sections, packets } = this.spool.passed;
    if (sections === 0) return [];
    const what = `how far the spool in ${this.folder} was sent was lost`;
    return [
      `${what}: ${sections} sections with ${packets} packets, whose keys are gone, are taken for sent; check its disk`,
    ];
  }

  #damages(): string[] {
    const { bytes, sections, packets } = this.spool.counts.damaged;
    if (bytes === 0 && sections === 0) return [];
    const of = sections > 0 && packets === 0 ? 'of how many packets nobody knows' : `with ${packets} packets`;
    const lost = `${sections} sections ${of} are lost`;
    return [`the spool in ${this.folder} was damaged, ${bytes} bytes of it: ${lost}, the rest is sent; check its disk`];
  }
}
