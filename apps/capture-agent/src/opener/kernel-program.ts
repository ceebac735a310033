import { BPF, type EbpfFilter, encodeEbpf, encodeProgram, fromTuples, interpret, statement } from '@bpfleet/bpf';
import { type BundleProgram, digestOf, fromBase64 } from '@bpfleet/contract';
import { type ExcludedEndpoint, link, linkAlone } from '@bpfleet/pcap-filter';
import { nodeCrypto } from '@bpfleet/service';
import type { CaptureMember, SocketInterface } from '../border/opener-port.js';

/** A filter version on an interface, with the program that its bundle has for the link type. */
export interface PlannedMember {
  /** As the agent sees it. */
  readonly captured: CaptureMember;
  readonly source: BundleProgram;
}

/** With the members everything that the linker is given: enough for anybody to link again and compare. */
export interface LinkContext {
  readonly linkType: string;
  readonly excluded: readonly ExcludedEndpoint[];
  readonly linkerVersion: number;
}

/** A packet that is tried through the loaded program, and how many bytes of it must come out. */
export interface CanaryPacket {
  readonly bytes: Uint8Array;
  readonly expected: number;
}

interface Linked {
  /** sha256 over the instructions as the kernel takes them; descriptors of maps are 0. */
  readonly hash: string;
  /** Bundle digests, each once. */
  readonly members: readonly string[];
  readonly context: LinkContext;
  /** Of a socket that is bound to no interface; the link type of its context is `*`. */
  readonly branches?: readonly LinkedBranch[];
}
/** Interfaces on which some of the members run. */
export interface LinkedBranch {
  readonly interfaces: readonly SocketInterface[];
  readonly linkType: string;
  readonly members: readonly string[];
}
/** What a socket should run, and from what it was made. */
export type KernelProgram =
  | (Linked & { readonly target: 'cbpf'; readonly bytes: Uint8Array })
  | (Linked & { readonly target: 'ebpf'; readonly filter: EbpfFilter; readonly canary: readonly CanaryPacket[] });

/**
 * Links members into the program of their socket. One with maps stands alone.
 * @throws BpfleetError as `link`
 */
export function programOf(
  members: readonly PlannedMember[],
  context: LinkContext,
  target: 'cbpf' | 'ebpf',
): KernelProgram {
  const digests = [...new Set(members.map(({ captured }) => captured.digest))].sort();
  const common = { members: digests, context };
  const [first] = members;
  if (first?.source.target === 'ebpf') return { ...common, ...alone(first.source, context) };
  const request = { ...context, cooked: context.linkType === 'LINUX_SLL2', members: members.map(linkMember) };
  if (target === 'cbpf') {
    const bytes = encodeProgram(link({ ...request, target }).program);
    return { ...common, target, bytes, hash: hashOf(bytes) };
  }
  const { program, acceptBytes } = link({ ...request, target });
  const filter = { program, maps: [] };
  return {
    ...common,
    target,
    filter,
    hash: hashOf(encodeEbpf(program)),
    canary: canaryOf(members, context, acceptBytes),
  };
}

export const hashOf = (bytes: Uint8Array): string => digestOf(bytes, nodeCrypto);

const linkMember = ({ captured: { digest, snaplenBytes }, source }: PlannedMember) => ({
  digest: digest.replace('sha256:', ''),
  program: classicOf(source),
  snaplenBytes,
});

const classicOf = (source: BundleProgram) => (source.target === 'cbpf' ? fromTuples(source.instructions) : []);

function alone(source: BundleProgram & { readonly target: 'ebpf' }, context: LinkContext) {
  const given = source.instructions.map(([code, dst, src, off, imm]) => ({ code, dst, src, off, imm }));
  const program = linkAlone({ ...context, program: given });
  const maps = source.maps.map((map) => ({ ...map, keys: fromBase64(map.keys) }));
  const isOwn = ownTrafficTest(context);
  const canary = packetsOf(source).map(({ bytes, verdict }) => ({
    bytes,
    expected: isOwn(bytes) ? 0 : Math.min(verdict, bytes.length),
  }));
  const filter = { program, maps };
  return { target: 'ebpf' as const, filter, hash: hashOfFilter(filter), canary };
}

/** The number of a map stands where its descriptor will be: neither is part of what is compared. */
export const hashOfFilter = ({ program }: EbpfFilter): string =>
  hashOf(encodeEbpf(program.map((one) => (isMapLoad(one) ? { ...one, imm: 0 } : one))));

const LOAD_64 = 0x18;
const PSEUDO_MAP_FD = 1;
const isMapLoad = ({ code, src }: { readonly code: number; readonly src: number }): boolean =>
  code === LOAD_64 && src === PSEUDO_MAP_FD;

/** Cooked programs ask for metadata that a socket without a device does not have. */
function canaryOf(members: readonly PlannedMember[], context: LinkContext, acceptBytes: number): CanaryPacket[] {
  if (context.linkType === 'LINUX_SLL2') return [];
  const programs = members.map(({ source }) => classicOf(source));
  const isOwn = ownTrafficTest(context);
  return firstPackets(members).map(({ bytes }) => {
    const isAccepted = !isOwn(bytes) && programs.some((program) => interpret(program, packetOf(bytes)) !== 0);
    return { bytes, expected: isAccepted ? Math.min(acceptBytes, bytes.length) : 0 };
  });
}

const MAX_CANARY_PACKETS = 64;

/** Only those are decoded: hundreds of members have many thousands. */
function firstPackets(members: readonly PlannedMember[]) {
  const packets: ReturnType<typeof packetsOf> = [];
  for (const { source } of members) {
    if (packets.length >= MAX_CANARY_PACKETS) break;
    packets.push(...packetsOf(source));
  }
  return packets.slice(0, MAX_CANARY_PACKETS);
}

const packetOf = (bytes: Uint8Array) => ({ bytes, start: 0, capturedLength: bytes.length, wireLength: bytes.length });

const packetsOf = ({ selfTest }: BundleProgram): { bytes: Uint8Array; verdict: number }[] =>
  selfTest
    .filter(({ needsMetadata, bytes }) => !needsMetadata && bytes !== '')
    .map(({ bytes, verdict }) => ({ bytes: fromBase64(bytes), verdict }));

/** Whether the exclusion refuses a packet, by a program that accepts everything else. */
function ownTrafficTest(context: LinkContext): (bytes: Uint8Array) => boolean {
  if (context.excluded.length === 0) return () => false;
  const all = { digest: '00', program: [statement(BPF.RET | BPF.K, 1)], snaplenBytes: 1 };
  const { program } = link({ ...context, target: 'cbpf', members: [all] });
  return (bytes) => interpret(program, packetOf(bytes)) === 0;
}
