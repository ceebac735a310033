import { encodeProgram, fromTuples, interpret, jit, type Packet, type Program } from '@bpfleet/bpf';
import { type BundleProgram, type BundleTestPacket, fromBase64 } from '@bpfleet/contract';
import { KernelVerdicts } from '@bpfleet/linux';

export interface SelfTestResult {
  readonly packets: number;
  /** Of them, tried in this kernel: those that need nothing beside the bytes. */
  readonly inKernel: number;
  /** The first packet that came out wrong, in words; undefined when none did. */
  readonly fault?: string;
}

/** Machines that a program is tried on before it is attached. The kernel's answers are cut to the packet's length. */
type Machine = readonly [name: string, run: (packet: Packet) => number];

/**
 * Tries the packets of a bundle: on the interpreter, on the translation to JavaScript that attributes packets later, and in
 * this kernel, which may convert a program wrongly that its checker took.
 */
export function selfTest(program: BundleProgram): SelfTestResult {
  if (program.target !== 'cbpf') return { packets: 0, inKernel: 0 };
  const classic = fromTuples(program.instructions);
  const inKernel = program.selfTest.filter(({ needsMetadata }) => !needsMetadata);
  const result = { packets: program.selfTest.length, inKernel: inKernel.length };
  const fault =
    firstFault(program.selfTest, [
      ['interpreter', (packet) => interpret(classic, packet)],
      ['JavaScript', jitted(classic)],
    ]) ?? faultInKernel(classic, inKernel);
  return fault === undefined ? result : { ...result, fault };
}

function jitted(program: Program): (packet: Packet) => number {
  const run = jit(program);
  return ({ bytes, start, capturedLength, wireLength, metadata }) =>
    run(bytes, start, capturedLength, wireLength, metadata);
}

function faultInKernel(program: Program, packets: readonly BundleTestPacket[]): string | undefined {
  if (packets.length === 0) return undefined;
  const kernel = KernelVerdicts.open();
  try {
    kernel.attach(encodeProgram(program));
    return firstFault(packets, [['kernel', ({ bytes }) => kernel.verdict(bytes)]]);
  } finally {
    kernel.close();
  }
}

function firstFault(packets: readonly BundleTestPacket[], machines: readonly Machine[]): string | undefined {
  for (const [index, test] of packets.entries()) {
    const packet = packetOf(test);
    for (const [name, run] of machines) {
      const verdict = run(packet);
      const expected = name === 'kernel' ? Math.min(test.verdict, packet.bytes.length) : test.verdict;
      if (verdict !== expected)
        return `self-test packet ${index}: the ${name} says ${verdict}, expected is ${expected}`;
    }
  }
  return undefined;
}

function packetOf({ bytes, wireLength, metadata }: BundleTestPacket): Packet {
  const data = fromBase64(bytes);
  const packet = { bytes: data, start: 0, capturedLength: data.length, wireLength };
  if (metadata === undefined) return packet;
  const { networkOffset, ...rest } = metadata;
  return { ...packet, metadata: networkOffset === undefined ? rest : { ...rest, networkOffset } };
}
