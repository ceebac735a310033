import { BPF, jit, statement } from '@bpfleet/bpf';
import { type ExcludedEndpoint, link, linkerVersions } from '@bpfleet/pcap-filter';
import type { ReadPacket } from './attribution/read-packet.js';

/**
 * Whether a packet is of bpfleet's own connections, for sources whose packets pass no program of the kernel: as the linked
 * program there begins. Without it every section that is sent would be captured, and sent.
 */
export function ownTrafficTest(
  linkType: string,
  excluded: readonly ExcludedEndpoint[],
): (packet: ReadPacket) => boolean {
  if (excluded.length === 0) return () => false;
  const everything = { digest: '00', program: [statement(BPF.RET | BPF.K, 1)], snaplenBytes: 1 };
  const linkerVersion = linkerVersions.at(-1)!;
  const { program } = link({ linkerVersion, linkType, excluded, target: 'cbpf', members: [everything] });
  const accepts = jit(program);
  return (packet) => accepts(packet.bytes, packet.start, packet.capturedLength, packet.wireLength, packet) === 0;
}
