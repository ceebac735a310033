import { interpret, type Packet, type Program } from '@bpfleet/bpf';
import { KernelVerdicts, Libpcap } from '@bpfleet/linux';
import type { Requirement } from '../../environment/src/requirements.js';
import type { Random } from '../random.js';
import { packetFor } from './compiled-programs.js';

/** What compiles programs beside us, and the kernel that judges packets by them. */
export interface Machines {
  readonly libpcap: Libpcap;
  readonly kernel: KernelVerdicts;
}

/** @param needsRoot eBPF programs are loaded */
export function machines({ needsRoot = false } = {}): Requirement<Machines> {
  if (needsRoot && process.getuid?.() !== 0) return { unavailable: 'loading eBPF needs root' };
  try {
    return { libpcap: Libpcap.open(), kernel: KernelVerdicts.open() };
  } catch (error) {
    return { unavailable: String(error) };
  }
}

/** `least` to 1,600 bytes, noise or aimed at the program. */
export function randomPacket(program: Program, random: Random, least = 0): Packet {
  if (random.chance(50)) return packetFor(program, random, least);
  const wireLength = least + random.below(random.of([20, 100, 1601 - least]));
  const bytes = Uint8Array.from({ length: wireLength }, () => random.below(256));
  return { bytes, start: 0, capturedLength: wireLength, wireLength };
}

/**
 * The interpreter's verdict; undefined where [x + k] reaches 2^31 or more: there the kernel reads relative to headers that a
 * Unix socket's packet does not have. The interpreter asks for the packet's metadata only then, in programs without loads
 * of metadata.
 */
export function verdictOf(program: Program, packet: Packet): number | undefined {
  let asked = false;
  const watched: Packet = {
    ...packet,
    get metadata(): never {
      asked = true;
      return undefined as never;
    },
  };
  const value = interpret(program, watched);
  return asked ? undefined : value;
}
