import { type EbpfFilter, encodeEbpf, encodeProgram, fromTuples, withDescriptors } from '@bpfleet/bpf';
import { digestOf, type FilterVersion, fromBase64, type Statement } from '@bpfleet/contract';
import { expectedEvidence, type TagAlgorithm, tagOf } from '@bpfleet/linux';
import { byInterface, type InterfaceBranch, type LinkMember, link, linkAlone } from '@bpfleet/pcap-filter';
import { nodeCrypto } from '@bpfleet/service';

/** What an agent's kernel has when it runs what it should, made from what the service signed. */
export interface ExpectedProgram {
  /** As in statements. */
  readonly hash: string;
  /** Of an eBPF program: what its descriptors tell, by the hash that the agent's kernel makes tags with. */
  readonly loaded?: { readonly tags: Readonly<Record<TagAlgorithm, string>>; readonly maps: readonly string[] };
}

/** What the linker is told beside the members. */
type Linking = Pick<Statement, 'linkType' | 'linkerVersion' | 'excluded' | 'target'>;
type Named = Linking & Partial<Pick<Statement, 'members' | 'branches'>>;
type Member = Pick<FilterVersion, 'digest' | 'snaplenBytes' | 'programs'>;

/**
 * Links the members of a statement as every agent's linker does.
 * @returns undefined when they have no such program
 * @throws BpfleetError as `link`
 */
export function expectedProgram(named: Named, versions: readonly Member[]): ExpectedProgram | undefined {
  const { branches, members = [], ...linking } = named;
  return branches ? expectedShared(linking, branches, members, versions) : expectedOn(linking, versions);
}

function expectedOn(named: Linking, versions: readonly Member[]): ExpectedProgram | undefined {
  const sources = versions.map(({ programs }) =>
    programs.find((one) => one.form === 'live' && one.linkType === named.linkType),
  );
  const [first] = sources;
  if (named.target === 'ebpf' && first?.target === 'ebpf') {
    return sources.length === 1 ? expectedAlone(named, first) : undefined;
  }
  const members = classicMembers(named.linkType, versions);
  return members && expectedLinked(named, members);
}

/** Of a socket that is bound to no interface: what each kind of them runs, behind the question where a packet was seen. */
function expectedShared(
  { target, ...named }: Linking,
  branches: NonNullable<Statement['branches']>,
  digests: readonly string[],
  versions: readonly Member[],
): ExpectedProgram | undefined {
  if (target !== 'cbpf') return undefined;
  const byDigest = new Map(versions.map((version) => [version.digest, version]));
  const programs: InterfaceBranch[] = [];
  for (const { interfaces, linkType, members: places } of branches) {
    const classic = classicMembers(
      linkType,
      places.flatMap((place) => byDigest.get(digests[place] ?? '') ?? []),
    );
    if (classic?.length !== places.length) return undefined;
    const { program } = link({ ...named, target, linkType, cooked: linkType === COOKED, members: classic });
    programs.push({ interfaces: interfaces.map(({ index }) => index), program });
  }
  const loopback = branches.flatMap(({ interfaces }) => interfaces).find(({ isLoopback }) => isLoopback);
  return { hash: hashOf(encodeProgram(byInterface(programs, loopback?.index))) };
}

/** @returns undefined when one has no classic program for the link type */
function classicMembers(linkType: string, versions: readonly Member[]): LinkMember[] | undefined {
  const members = versions.flatMap(({ digest, snaplenBytes, programs }) => {
    const source = programs.find((one) => one.form === 'live' && one.linkType === linkType);
    if (source?.target !== 'cbpf') return [];
    return [{ digest: digest.replace('sha256:', ''), program: fromTuples(source.instructions), snaplenBytes }];
  });
  return members.length < versions.length ? undefined : members;
}

function expectedLinked(
  { linkType, linkerVersion, excluded, target }: Linking,
  members: readonly LinkMember[],
): ExpectedProgram {
  const request = { linkerVersion, linkType, cooked: linkType === COOKED, excluded, members };
  if (target === 'ebpf') return extended({ program: link({ ...request, target }).program, maps: [] });
  return { hash: hashOf(encodeProgram(link({ ...request, target }).program)) };
}

/** One with maps has a socket to itself. */
function expectedAlone(
  { linkType, linkerVersion, excluded }: Linking,
  { instructions, maps }: Extract<FilterVersion['programs'][number], { target: 'ebpf' }>,
): ExpectedProgram {
  const program = instructions.map(([code, dst, src, off, imm]) => ({ code, dst, src, off, imm }));
  return extended({
    program: linkAlone({ linkerVersion, linkType, excluded, program }),
    maps: maps.map((map) => ({ ...map, keys: fromBase64(map.keys) })),
  });
}

function extended({ program, maps }: EbpfFilter): ExpectedProgram {
  const encode = (descriptors: readonly number[]) => encodeEbpf(withDescriptors(program, descriptors));
  const bytes = encode(maps.map(() => 0));
  const tags = { sha1: tagOf(bytes, 'sha1'), sha256: tagOf(bytes, 'sha256') };
  const found = expectedEvidence({ maps, encode }, 'sha256').maps;
  return { hash: hashOf(bytes), loaded: { tags, maps: found.map(({ digest }) => digest) } };
}

/** Its packets come without their link-layer header. */
const COOKED = 'LINUX_SLL2';

const hashOf = (bytes: Uint8Array): string => digestOf(bytes, nodeCrypto);
