import { BpfleetError } from '@bpfleet/errors';
import { Ancillary, BPF } from '../opcodes.js';
import type { EbpfBuilder, Label } from './builder.js';
import { EBPF, Helper, SkBuff } from './instruction.js';
import { A, CONTEXT, X } from './layout.js';

/**
 * Brings what the kernel keeps beside the packet (`SKF_AD_OFF` + `kind`) into A; ends the program where the packet has none.
 * @throws BpfleetError `FILTER_UNSUPPORTED` for what a socket filter cannot read
 */
export function emitMetadata(out: EbpfBuilder, kind: number, fail: Label): void {
  const field = (offset: number) => out.load(BPF.W, A, CONTEXT, offset);
  switch (kind) {
    case Ancillary.PROTOCOL:
      field(SkBuff.PROTOCOL);
      out.bigEndian(A, 16);
      break;
    case Ancillary.PKTTYPE:
      field(SkBuff.PKT_TYPE);
      break;
    case Ancillary.IFINDEX:
      field(SkBuff.IFINDEX);
      // A packet without a device ends the classic program; __sk_buff shows 0 for it.
      out.gotoIf(BPF.JEQ, A, 0, fail);
      break;
    case Ancillary.MARK:
      field(SkBuff.MARK);
      break;
    case Ancillary.QUEUE:
      field(SkBuff.QUEUE_MAPPING);
      break;
    case Ancillary.RXHASH:
      field(SkBuff.HASH);
      break;
    case Ancillary.VLAN_TAG:
      field(SkBuff.VLAN_TCI);
      break;
    case Ancillary.VLAN_TAG_PRESENT:
      field(SkBuff.VLAN_PRESENT);
      break;
    case Ancillary.VLAN_TPID:
      field(SkBuff.VLAN_PROTO);
      out.bigEndian(A, 16);
      break;
    case Ancillary.ALU_XOR_X:
      out.aluRegister(BPF.XOR, A, X);
      break;
    case Ancillary.CPU:
    case Ancillary.RANDOM:
      out.call(kind === Ancillary.CPU ? Helper.GET_SMP_PROCESSOR_ID : Helper.GET_PRANDOM_U32);
      out.aluRegister(EBPF.MOV, A, 0);
      break;
    default:
      throw new BpfleetError(
        'FILTER_UNSUPPORTED',
        `an eBPF socket filter cannot read the metadata SKF_AD_OFF + ${kind}`,
      );
  }
}
