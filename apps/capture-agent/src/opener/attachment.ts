import type { EbpfFilter } from '@bpfleet/bpf';
import type { Evidence } from '@bpfleet/contract';
import {
  expectedEvidence,
  type FilterEvidence,
  KernelVerdicts,
  type LoadedFilter,
  type RingSocket,
  SystemCallError,
  type TagAlgorithm,
  tagAlgorithm,
} from '@bpfleet/linux';
import type { FilterOutcome } from '../border/opener-port.js';
import { type CanaryPacket, hashOf, type KernelProgram } from './kernel-program.js';
import { loadable, loadFilter } from './load-filter.js';

/** What programs are attached to. */
export type Attachable = Pick<RingSocket, 'attach' | 'attachLoaded' | 'readBack'>;

/** A program on a socket, and what proves that it is there (design: "Attestation"). */
export class Attachment {
  /** Maps that nobody can change are read once. */
  #judged: Judged | undefined;

  private constructor(
    readonly program: KernelProgram,
    private readonly socket: Attachable,
    private readonly loaded: LoadedFilter | undefined,
  ) {}

  /** In place of the program before. @throws BpfleetError `ATTACH_REFUSED`; the one before stays then */
  static attach(socket: Attachable, program: KernelProgram): Attachment {
    const loaded = program.target === 'ebpf' ? loadFilter(program.filter) : undefined;
    const attachment = new Attachment(program, socket, loaded);
    try {
      attachment.restore();
      return attachment;
    } catch (error) {
      attachment.close();
      throw error;
    }
  }

  /** The same in the kernel, linked from other filters: statements name these. */
  linkedFrom(program: KernelProgram): Attachment {
    return new Attachment(program, this.socket, this.loaded);
  }

  /** Attaches the same again. @throws BpfleetError `ATTACH_REFUSED` */
  restore(): void {
    if (this.program.target === 'cbpf') this.socket.attach(this.program.bytes);
    else this.socket.attachLoaded(this.loaded!.program);
  }

  /** Whether the kernel has this program on the socket, as far as it tells. */
  isInPlace(): boolean {
    const isExtended = this.program.target === 'ebpf';
    try {
      const found = this.socket.readBack();
      return !isExtended && hashOf(found) === this.program.hash;
    } catch (error) {
      // There is an extended program, which the kernel does not give back.
      if (error instanceof SystemCallError && error.errno === 'EACCES') return isExtended;
      throw error;
    }
  }

  evidence(): Evidence {
    if (this.program.target === 'cbpf') return { kind: 'read back' };
    const tagHash = tagAlgorithm();
    if (tagHash === undefined) return { kind: 'none', reason: 'this kernel makes tags in a way that we do not know' };
    this.#judged ??= this.#judge(tagHash);
    const { read, isAsGiven } = this.#judged;
    const mapsFrozen = read.maps.every(({ isFrozen, isReadOnly }) => isFrozen && isReadOnly);
    if (!mapsFrozen) this.#judged = undefined;
    if (!isAsGiven)
      return { kind: 'none', reason: 'the kernel tells of another program, or other maps, than it was given' };
    return {
      kind: 'loaded',
      tag: read.tag,
      tagHash,
      maps: read.maps.map(({ digest }) => digest),
      mapsFrozen,
      canary: passed(this.loaded!.program, this.program.canary),
    };
  }

  /** What may be said of the filters on it. */
  state(): Pick<FilterOutcome, 'state' | 'reason'> {
    const evidence = this.evidence();
    switch (evidence.kind) {
      case 'read back':
        return { state: 'attested' };
      case 'none':
        return { state: 'reported', reason: evidence.reason };
      case 'loaded': {
        const { packets, passed } = evidence.canary;
        if (packets !== passed)
          return { state: 'diverged', reason: `${packets - passed} of ${packets} packets came out wrong` };
        if (evidence.mapsFrozen) return { state: 'attested (loaded)' };
        return { state: 'reported', reason: 'this kernel does not freeze maps (5.2 does)' };
      }
    }
  }

  /** Its socket keeps the program. */
  close(): void {
    this.loaded?.close();
  }

  #judge(tagHash: TagAlgorithm): Judged {
    const read = this.loaded!.evidence();
    const given = expectedEvidence(loadable((this.program as { readonly filter: EbpfFilter }).filter), tagHash);
    const isAsGiven =
      read.tag === given.tag &&
      read.maps.length === given.maps.length &&
      read.maps.every(({ digest, isUsed }, index) => isUsed && digest === given.maps[index]!.digest);
    return { read, isAsGiven };
  }
}

interface Judged {
  readonly read: FilterEvidence;
  readonly isAsGiven: boolean;
}

/** Tries packets through the program on a second socket. */
function passed(program: number, packets: readonly CanaryPacket[]): { packets: number; passed: number } {
  if (packets.length === 0) return { packets: 0, passed: 0 };
  const kernel = KernelVerdicts.open();
  try {
    kernel.attachEbpf(program);
    const good = packets.filter(({ bytes, expected }) => kernel.verdict(bytes) === expected);
    return { packets: packets.length, passed: good.length };
  } finally {
    kernel.close();
  }
}
