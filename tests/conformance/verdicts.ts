import { interpret, type Packet, type Program, UNDECIDED } from '@bpfleet/bpf';

export interface Verdict {
  readonly value: number;
  /** Whether the program ended because it asked for a byte behind the packet's end. */
  readonly loadedOutside: boolean;
}

export function verdictOf(program: Program, packet: Packet): Verdict {
  const value = interpret(program, packet);
  // The same packet, as if it had been longer: what it asks for outside is now undecided.
  const longer = value === 0 ? interpret(program, { ...packet, wireLength: 0x7fff_ffff }) : value;
  return { value, loadedOutside: longer === UNDECIDED };
}

/**
 * Whether our verdict is one that libpcap gives. Its optimised form may leave out loads that its plain form makes, so on
 * packets too short for them it disagrees with itself; there either answer is right. Where the two disagree about a
 * packet that is long enough, libpcap's optimiser is wrong (1.10.3 is, about once in a thousand of these expressions),
 * and its plain form counts.
 */
export function agrees(ours: number, plain: Verdict, optimised: Verdict): boolean {
  if (ours === plain.value) return true;
  return (plain.loadedOutside || optimised.loadedOutside) && ours === optimised.value;
}
