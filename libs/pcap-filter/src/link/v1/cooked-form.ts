import { Ancillary, BPF, type Instruction, type Program, SKF_AD_OFF, SKF_LL_OFF } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { assemble } from './assemble.js';
import { Listing } from './listing.js';

/** `struct sll2_header`, libpcap's sll.h: what stands in front of a packet that is cooked. */
const HEADER_BYTES = 20;

/** Fields of the header that the kernel tells as metadata where it leaves the header out. */
const FIELDS: ReadonlyMap<string, number> = new Map([
  [`${BPF.H} 0`, Ancillary.PROTOCOL],
  [`${BPF.W} 4`, Ancillary.IFINDEX],
  [`${BPF.H} 8`, Ancillary.HATYPE],
  [`${BPF.B} 10`, Ancillary.PKTTYPE],
]);

/**
 * The same program for a socket that leaves the link-layer header out (SOCK_DGRAM): offset 0 is the network header there, so
 * everything moves by the length of the LINUX_SLL2 header that user space puts in front, and its fields are asked as
 * metadata. (libpcap rewrites alike: `fix_offset`, pcap-linux.c.)
 * @throws BpfleetError `FILTER_UNSUPPORTED` for bytes of the header that the kernel does not tell
 */
export function cookedForm(program: Program): Program {
  const listing = new Listing();
  const labels = program.map(() => listing.newLabel());
  for (const [index, instruction] of program.entries()) {
    const { code, jt, jf, k } = instruction;
    const to = (distance: number) => labels[index + 1 + distance]!;
    listing.place(labels[index]!);
    if ((code & 0x07) !== BPF.JMP) writeCooked(instruction, listing);
    else if (code === (BPF.JMP | BPF.JA)) listing.go(to(k));
    else listing.branch(code & ~BPF.JMP, k, to(jt), to(jf));
  }
  return assemble(listing.lines);
}

function writeCooked(instruction: Instruction, listing: Listing): void {
  const { code, k } = instruction;
  const isLoad = (code & 0x07) === BPF.LD;
  if (!isLoad && (code & 0x07) !== BPF.LDX) {
    listing.plain(code, k);
    return;
  }
  switch (code & 0xe0) {
    case BPF.LEN:
      if (!isLoad) throw notTold('the length in X');
      listing.plain(code);
      listing.plain(BPF.ALU | BPF.ADD | BPF.K, HEADER_BYTES);
      break;
    case BPF.ABS:
      if (k >= SKF_LL_OFF) listing.plain(code, k);
      else if (k >= HEADER_BYTES) listing.plain(code, k - HEADER_BYTES);
      else listing.plain(BPF.LD | BPF.W | BPF.ABS, SKF_AD_OFF + fieldAt(code, k));
      break;
    case BPF.IND:
    case BPF.MSH:
      if (k < HEADER_BYTES) throw notTold(`offset ${k}`);
      listing.plain(code, k - HEADER_BYTES);
      break;
    default:
      listing.plain(code, k);
  }
}

function fieldAt(code: number, offset: number): number {
  const field = FIELDS.get(`${code & 0x18} ${offset}`);
  if (field === undefined) throw notTold(`offset ${offset}`);
  return field;
}

const notTold = (what: string): BpfleetError =>
  new BpfleetError('FILTER_UNSUPPORTED', `the kernel does not tell ${what} of a cooked header`, {
    hint: 'filter by protocol, direction, interface, or by what the packet carries',
  });
