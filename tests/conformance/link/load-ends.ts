import { BPF, interpret, type Program, UNDECIDED } from '@bpfleet/bpf';
import type { LinkMember } from '@bpfleet/pcap-filter';
import { whole } from '../packets/packets.js';
import type { Random } from '../random.js';

const SIZES: Readonly<Record<number, number>> = { [BPF.W]: 4, [BPF.H]: 2, [BPF.B]: 1 };
const isLoad = ({ code, k }: Program[number]) =>
  (code & 0x07) === BPF.LD && ((code & 0xe0) === BPF.ABS || (code & 0xe0) === BPF.IND) && k < 1500;
const TRIES = 40;

/**
 * A packet as long as some member's load needs (an indirect one: with X = 0), or a byte less or more: there a guard that is
 * wrong by one shows. If one is found, the load ends the member's program, and another member accepts the packet.
 * @param draw packets that are to be cut or filled up
 */
export function packetAtLoadEnd(
  members: readonly LinkMember[],
  random: Random,
  draw: () => Uint8Array,
): Uint8Array<ArrayBuffer> {
  const isAccepted = (bytes: Uint8Array) => members.some(({ program }) => interpret(program, whole(bytes)) !== 0);
  let bytes = new Uint8Array(1);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const { program } = random.of(members);
    const loads = program.filter(isLoad);
    if (loads.length === 0) continue;
    const indirect = loads.filter(({ code }) => (code & 0xe0) === BPF.IND);
    const { code, k } = random.of(indirect.length > 0 && random.chance(70) ? indirect : loads);
    const length = Math.max(1, k + (SIZES[code & 0x18] ?? 1) + random.of([-1, -1, -1, 0, 1]));
    const drawn = draw();
    bytes = Uint8Array.from({ length }, (_, at) => drawn[at] ?? random.below(256));
    if (endsAtLoad(program, bytes) && isAccepted(bytes)) break;
  }
  return bytes;
}

/** Whether it is a load behind the end that says no. */
function endsAtLoad(program: Program, bytes: Uint8Array): boolean {
  return interpret(program, { ...whole(bytes), wireLength: 0xffff }) === UNDECIDED;
}
