import { BPF, EBPF, EbpfBuilder, type EbpfFilter, type EbpfInstruction, type Label, SkBuff } from '@bpfleet/bpf';
import { type IndexRange, inOrder, rangesOf } from './index-ranges.js';

/** Interfaces on which the same program of the extended machine decides. */
export interface EbpfInterfaceBranch {
  readonly interfaces: readonly number[];
  readonly filter: EbpfFilter;
}

/** `PACKET_OUTGOING` of include/uapi/linux/if_packet.h. */
const PACKET_OUTGOING = 4;
/** r1: `struct __sk_buff`, where the programs behind find it untouched. */
const CONTEXT = 1;
const SCRATCH = 2;
const ANSWER = 0;
const PSEUDO_MAP_FD = 1;

/**
 * `byInterface` for programs that are too long for a classic one, or have maps: those of all branches, in their order.
 * @throws BpfleetError as `byInterface`
 */
export function byInterfaceEbpf(branches: readonly EbpfInterfaceBranch[], loopback?: number): EbpfFilter {
  const builder = new EbpfBuilder();
  const [refuse, once] = [Symbol('refuse'), Symbol('once')];
  const entries = inOrder(branches).map((branch) => ({ ...branch, label: Symbol('branch') }));
  builder.load(BPF.W, SCRATCH, CONTEXT, SkBuff.IFINDEX);
  const indexes = entries.flatMap(({ interfaces, label }) =>
    interfaces.map((index) => ({ index, place: index === loopback ? once : label })),
  );
  choose(builder, rangesOf<Label>(indexes, refuse));
  const ofLoopback = entries.find(({ interfaces }) => loopback !== undefined && interfaces.includes(loopback));
  if (ofLoopback !== undefined) {
    builder.place(once);
    builder.load(BPF.W, SCRATCH, CONTEXT, SkBuff.PKT_TYPE);
    builder.gotoIf(EBPF.JNE, SCRATCH, PACKET_OUTGOING, ofLoopback.label);
  }
  // In front of the programs, which may be longer than a jump.
  builder.place(refuse);
  builder.alu(EBPF.MOV, ANSWER, 0);
  builder.exit();
  const maps: EbpfFilter['maps'][number][] = [];
  for (const { label, filter } of entries) {
    builder.place(label);
    // Its jumps are distances within it, and each way through it ends with an exit.
    builder.append(filter.program.map((instruction) => withMapsFrom(maps.length, instruction)));
    maps.push(...filter.maps);
  }
  return { program: builder.build(), maps };
}

/** A search by halves. */
function choose(builder: EbpfBuilder, ranges: readonly IndexRange<Label>[]): void {
  const middle = ranges.length >> 1;
  if (middle === 0) {
    builder.goto(ranges[0]!.place);
    return;
  }
  const above = Symbol('above');
  builder.gotoIf(BPF.JGE, SCRATCH, ranges[middle]!.from, above);
  choose(builder, ranges.slice(0, middle));
  builder.place(above);
  choose(builder, ranges.slice(middle));
}

/** Instructions name maps by their places in the list. */
const withMapsFrom = (first: number, instruction: EbpfInstruction): EbpfInstruction =>
  instruction.code === EBPF.LOAD_64 && instruction.src === PSEUDO_MAP_FD
    ? { ...instruction, imm: instruction.imm + first }
    : instruction;
