import { BPF, EBPF, type EbpfInstruction, type EbpfProgram, translateToEbpf } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type ExcludedEndpoint, ownTraffic } from './own-traffic.js';

export interface AloneInput {
  readonly linkType: string;
  /** One filter for the extended machine, maps and all: it cannot be joined with others. */
  readonly program: EbpfProgram;
  /** TCP to or from these is refused. */
  readonly excluded: readonly ExcludedEndpoint[];
}

/** `struct __sk_buff`, where every socket filter finds it at its start. */
const ARGUMENT = 1;
/** Where our translation keeps it: helpers leave r6 as it is. */
const CONTEXT = 6;
const MOST_DISTANCE = 0x7fff;

/**
 * Puts the test for own traffic in front of a program that has a socket to itself. The same input gives the same program on
 * every machine and for ever.
 * @throws BpfleetError `FILTER_UNSUPPORTED` for own traffic on a link type where it cannot be told, `REQUEST_INVALID` for an
 *   address that is none
 */
export function linkAlone({ linkType, program, excluded }: AloneInput): EbpfProgram {
  if (excluded.length === 0) return program;
  const test = translateToEbpf(ownTraffic(excluded, linkType)).program;
  return [...test.flatMap((instruction, index) => turned(instruction, index, test)), ...program];
}

/** What the test refuses goes on to the program behind it, and what it accepts is refused. Lengths stay as they are. */
function turned(instruction: EbpfInstruction, index: number, test: EbpfProgram): EbpfProgram {
  const next = test[index + 1];
  if (next && isExit(next)) {
    const { imm } = instruction;
    if (imm !== 0) return [{ ...instruction, imm: 0 }];
    return [{ code: EBPF.ALU64 | EBPF.MOV | BPF.X, dst: ARGUMENT, src: CONTEXT, off: 0, imm: 0 }];
  }
  if (!isExit(instruction) || test[index - 1]?.imm !== 0) return [instruction];
  const off = test.length - index - 1;
  if (off > MOST_DISTANCE) throw new BpfleetError('FILTER_TOO_LARGE', 'too many connections of our own to exclude');
  return [{ code: BPF.JMP | BPF.JA, dst: 0, src: 0, off, imm: 0 }];
}

const isExit = ({ code }: EbpfInstruction): boolean => code === (BPF.JMP | EBPF.EXIT);
