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
 * packets too short for them it disagrees with itself; there either answer is right.
 */
export function agrees(ours: number, plain: Verdict, optimised: Verdict): boolean {
  if (!plain.loadedOutside && !optimised.loadedOutside) return ours === plain.value && ours === optimised.value;
  return ours === plain.value || ours === optimised.value;
}
