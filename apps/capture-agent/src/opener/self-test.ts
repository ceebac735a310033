import { fromTuples, interpret, jit, type Packet, type Program } from '@bpfleet/bpf';
import { type BundleProgram, type BundleTestPacket, fromBase64 } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { KernelVerdicts } from '@bpfleet/linux';
import { reasonOf } from './linker.js';
import { tryExtended, tryFitting } from './try-on.js';

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
 * this kernel, which may convert a program wrongly that its checker took. What is written for the extended machine only the
 * kernel can run.
 */
export function selfTest(program: BundleProgram): SelfTestResult {
  // An empty datagram that arrives cannot be told from one that was dropped.
  const inKernel = program.selfTest.filter(({ needsMetadata, bytes }) => !needsMetadata && bytes !== '');
  const result = { packets: program.selfTest.length, inKernel: inKernel.length };
  const fault = faultOf(program, inKernel);
  return fault === undefined ? result : { ...result, fault };
}

/** A bundle is signed, and may be wrong all the same: what it cannot be tried with is a fault of that filter alone. */
function faultOf(program: BundleProgram, inKernel: readonly BundleTestPacket[]): string | undefined {
  try {
    return (program.target === 'cbpf' ? faultInJavaScript(program) : undefined) ?? faultInKernel(program, inKernel);
  } catch (error) {
    if (error instanceof BpfleetError) return `self-test: ${reasonOf(error)}`;
    throw error;
  }
}

function faultInJavaScript({
  instructions,
  selfTest,
}: BundleProgram & { readonly target: 'cbpf' }): string | undefined {
  const program = fromTuples(instructions);
  return firstFault(selfTest, [
    ['interpreter', (packet) => interpret(program, packet)],
    ['JavaScript', jitted(program)],
  ]);
}

function jitted(program: Program): (packet: Packet) => number {
  const run = jit(program);
  return ({ bytes, start, capturedLength, wireLength, metadata }) =>
    run(bytes, start, capturedLength, wireLength, metadata);
}

function faultInKernel(program: BundleProgram, packets: readonly BundleTestPacket[]): string | undefined {
  if (packets.length === 0) return undefined;
  const kernel = KernelVerdicts.open();
  try {
    attachTo(kernel, program);
    return firstFault(packets, [['kernel', ({ bytes }) => kernel.verdict(bytes)]]);
  } finally {
    kernel.close();
  }
}

function attachTo(kernel: KernelVerdicts, program: BundleProgram): void {
  if (program.target === 'cbpf') {
    tryFitting(kernel, fromTuples(program.instructions));
    return;
  }
  const instructions = program.instructions.map(([code, dst, src, off, imm]) => ({ code, dst, src, off, imm }));
  tryExtended(kernel, {
    program: instructions,
    maps: program.maps.map((map) => ({ ...map, keys: fromBase64(map.keys) })),
  });
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
