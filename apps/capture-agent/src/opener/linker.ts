import { canonicalJson } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { KernelVerdicts } from '@bpfleet/linux';
import { type KernelProgram, type LinkContext, type PlannedMember, programOf } from './kernel-program.js';
import { isTooLarge, tryClassic, tryExtended } from './try-on.js';

const MAX_KEPT = 256;

/** Links, and remembers: a host with forty interfaces runs one program on most of them. */
export class Linker {
  readonly #linked = new Map<string, KernelProgram | BpfleetError>();

  /** @throws BpfleetError as `link` */
  program(members: readonly PlannedMember[], context: LinkContext, target: 'cbpf' | 'ebpf'): KernelProgram {
    const digests = members.map(({ captured }) => captured.digest).sort();
    const key = canonicalJson({ ...context, target, digests });
    let linked = this.#linked.get(key);
    if (linked === undefined) {
      linked = attempt(() => programOf(members, context, target));
      if (this.#linked.size >= MAX_KEPT) this.#linked.delete(this.#linked.keys().next().value!);
      this.#linked.set(key, linked);
    }
    if (linked instanceof BpfleetError) throw linked;
    return linked;
  }

  /**
   * Does something with the members' program: the classic one, whose attachment the kernel gives back, or where that is too
   * large the extended one.
   * @throws BpfleetError why neither will do
   */
  withFitting<T>(members: readonly PlannedMember[], context: LinkContext, action: (program: KernelProgram) => T): T {
    return classicOrExtended(members, (target) => action(this.program(members, context, target)));
  }

  /** Whether this kernel takes the members' program, found by trying on a socket that no packet comes to. */
  fault(members: readonly PlannedMember[], context: LinkContext): string | undefined {
    return this.faultOf((action) => this.withFitting(members, context, action));
  }

  /** The same of a program that is made elsewhere, and given to what tries it. */
  faultOf(make: (action: (program: KernelProgram) => void) => void): string | undefined {
    const kernel = KernelVerdicts.open();
    try {
      make((program) => {
        if (program.target === 'cbpf') tryClassic(kernel, program.bytes);
        else tryExtended(kernel, program.filter);
      });
      return undefined;
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
      return reasonOf(error);
    } finally {
      kernel.close();
    }
  }
}

/**
 * Tries the classic form, whose attachment the kernel gives back, and where that is too large the extended one.
 * @throws BpfleetError why neither will do
 */
export function classicOrExtended<T>(members: readonly PlannedMember[], attempt: (target: 'cbpf' | 'ebpf') => T): T {
  if (members.some(({ source }) => source.target === 'ebpf')) return attempt('ebpf');
  try {
    return attempt('cbpf');
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    try {
      return attempt('ebpf');
    } catch (second) {
      if (!(second instanceof BpfleetError)) throw second;
      const hint = [error.hint, `as eBPF neither: ${second.message}`].filter(Boolean).join('; ');
      throw new BpfleetError(error.code, error.message, { hint, cause: second });
    }
  }
}

export const reasonOf = ({ message, hint }: BpfleetError): string => [message, hint].filter(Boolean).join('; ');

function attempt(action: () => KernelProgram): KernelProgram | BpfleetError {
  try {
    return action();
  } catch (error) {
    if (error instanceof BpfleetError) return error;
    throw error;
  }
}
