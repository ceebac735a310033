import { type WasmMemory, type WasmModule, webAssembly } from '@bpfleet/bpf';
import { WasmWindow, type WindowPart } from '@bpfleet/linux';
import { SNAPLEN_BYTES } from '@bpfleet/section';
import { OpenSection } from '../../sections/open-section.js';
import { type CopiesRuns, LEFT_OUT, PLAN, type Run, RunPlan, type RunTarget } from '../../sections/run.js';
import { CopiedWords, RESULT_WORDS } from './copied-words.js';
import { copyPackets } from './copy-packets.js';

type Copy = (...numbers: readonly number[]) => number;
/** Of a ring's block more may follow each other: then these are copied, and a next run begins. */
const MOST_PLANNED = 1024;
/** No address of a plan. */
const NO_PLAN = 0;
/** In place of an interface block: the plan has it. */
const KEPT = 0;
const RESULT_BYTES = 4 * RESULT_WORDS;
/** What a copier needs of the memory for itself. */
export const OWN_BYTES = RESULT_BYTES + 4 * PLAN.words * MOST_PLANNED;

/** Compiled once per thread. */
let compiled: WasmModule | undefined;

/**
 * Copies runs of packets from a ring into the open section: a loop of WebAssembly, which copies sixteen bytes at once and checks no
 * bounds, where JavaScript copies four and checks each. A packet takes a sixth of the time of `SectionAssembler.take`.
 */
export class RunCopier implements CopiesRuns {
  readonly #copy: Copy;
  /** Of the packets that were copied last. */
  readonly results: CopiedWords;
  readonly plan: RunPlan;
  readonly #planAt: number;

  /**
   * @param memory that has the file of an `OpenSection`, and a ring
   * @param sectionAt where the file begins
   * @param ringAt where the ring begins
   * @param ownAt where `OWN_BYTES` are nobody else's
   */
  constructor(
    memory: WasmMemory,
    private readonly sectionAt: number,
    private readonly ringAt: number,
    private readonly ownAt: number,
    private readonly release: () => void = () => {},
  ) {
    compiled ??= new webAssembly.Module(copyPackets());
    const { exports } = new webAssembly.Instance(compiled, { host: { memory } });
    this.#copy = (exports as { readonly copy: Copy }).copy;
    this.results = new CopiedWords(new Uint32Array(memory.buffer, ownAt, RESULT_WORDS));
    this.#planAt = ownAt + RESULT_BYTES;
    this.plan = new RunPlan(new Uint32Array(memory.buffer, this.#planAt, PLAN.words * MOST_PLANNED));
  }

  /** @throws SystemCallError, RangeError, WebAssembly.CompileError: packets can be taken one by one */
  static open(section: WindowPart, ring: WindowPart): RunCopier {
    const window = WasmWindow.open([section, ring], OWN_BYTES);
    const [sectionAt, ringAt] = window.offsets;
    return new RunCopier(window.memory, sectionAt!, ringAt!, window.spareAt, () => window.close());
  }

  copy(run: Run, target: RunTarget): number {
    const base = this.sectionAt + OpenSection.bufferAt;
    const copied = this.#copy(
      this.ringAt + run.packet,
      run.packets,
      base + target.startBytes,
      base + target.stopAtBytes,
      base + target.limitBytes,
      target.inId,
      target.outId,
      target.snaplenBytes,
      target.blockPackets,
      this.sectionAt + OpenSection.commitAt,
      base,
      this.ownAt,
      NO_PLAN,
    );
    this.#copied(run, copied);
    return copied;
  }

  copyPlanned(startBytes: number, limitBytes: number, blockPackets: number): number {
    const { plan } = this;
    const base = this.sectionAt + OpenSection.bufferAt;
    const copied = this.#copy(
      this.ringAt + plan.packet,
      plan.packets,
      base + startBytes,
      base + limitBytes,
      base + limitBytes,
      KEPT,
      plan.skipsOutgoing ? LEFT_OUT : KEPT,
      SNAPLEN_BYTES,
      blockPackets,
      this.sectionAt + OpenSection.commitAt,
      base,
      this.ownAt,
      this.#planAt,
    );
    this.#copied(plan, copied);
    plan.bytes = 0;
    return copied;
  }

  #copied(run: Run, packets: number): void {
    run.packets -= packets;
    run.packet = this.results.next - this.ringAt;
  }

  /** Lets go of the ring. */
  close(): void {
    this.release();
  }
}
