import {
  convertedLength,
  type EbpfFilter,
  encodeEbpf,
  encodeProgram,
  interpret,
  jit,
  type NumberSet,
  type Program,
  toEbpf,
  UNDECIDED,
  withDescriptors,
} from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import type { Backend } from '../language/backends.js';
import { refusedAttach } from './refused-attach.js';

/** One packet to be judged: what was captured of it, and how long it was. */
export interface JudgedPacket {
  readonly bytes: Uint8Array;
  readonly wireLength: number;
}

/** What a machine runs: a program with the sets it looks in, or what was compiled for eBPF with its maps. */
export type Runnable =
  | { readonly program: Program; readonly sets?: readonly NumberSet[] }
  | { readonly filter: EbpfFilter };

/** Runs one program; `stop` gives back what the machine holds. */
export interface Machine {
  /** The program's return value, 0 for "no", or `UNDECIDED` where the answer hangs on bytes that were cut off. */
  verdict(packet: JudgedPacket): number;
  stop(): void;
}

/** @param runnable valid for the backend's machine @throws BpfleetError what the kernel says where it takes no program */
export async function startMachine(backend: Backend, runnable: Runnable): Promise<Machine> {
  if ('filter' in runnable) return ebpfMachine(runnable.filter);
  const { program, sets = [] } = runnable;
  switch (backend) {
    case 'interpreter':
      return {
        verdict: ({ bytes, wireLength }) =>
          interpret(program, { bytes, start: 0, capturedLength: bytes.length, wireLength }, sets),
        stop: () => undefined,
      };
    case 'js': {
      const run = jit(program, sets);
      return {
        verdict: ({ bytes, wireLength }) => run(bytes, 0, bytes.length, wireLength),
        stop: () => undefined,
      };
    }
    case 'ebpf':
      return ebpfMachine({ program: toEbpf(program), maps: [] });
    case 'kernel':
      return kernelMachine((verdicts) => verdicts.attach(encodeProgram(program)), convertedLength(program));
  }
}

async function ebpfMachine({ program, maps }: EbpfFilter): Promise<Machine> {
  const { LoadedFilter } = await import('@bpfleet/linux');
  const encode = (descriptors: readonly number[]) => encodeEbpf(withDescriptors(program, descriptors));
  return kernelMachine((verdicts) => {
    const loaded = LoadedFilter.load({ maps, encode });
    try {
      verdicts.attachEbpf(loaded.program);
    } finally {
      // The socket keeps what it needs.
      loaded.close();
    }
  }, program.length);
}

type Verdicts = Awaited<ReturnType<typeof openVerdicts>>;

async function openVerdicts() {
  const { KernelVerdicts } = await import('@bpfleet/linux');
  return KernelVerdicts.open();
}

/** The kernel shows min(verdict, length) of the bytes it is sent; a packet without bytes cannot be sent at all. */
async function kernelMachine(attach: (verdicts: Verdicts) => void, instructions: number): Promise<Machine> {
  const verdicts = await openVerdicts();
  try {
    attach(verdicts);
  } catch (error) {
    verdicts.close();
    throw await refusedAttach(error, instructions);
  }
  return {
    verdict: ({ bytes, wireLength }) => {
      if (bytes.length === 0 || wireLength !== bytes.length) {
        throw new BpfleetError('REQUEST_INVALID', 'the kernel judges whole packets of at least one byte', {
          hint: 'take the backend js for packets that were cut',
        });
      }
      return verdicts.verdict(bytes);
    },
    stop: () => verdicts.close(),
  };
}

/** A program's answer and, apart from it, whether it is one: "undecided" counts as "no" until someone knows better. */
export function settled(verdict: number): { verdict: number; isUndecided: boolean } {
  return verdict === UNDECIDED ? { verdict: 0, isUndecided: true } : { verdict, isUndecided: false };
}
