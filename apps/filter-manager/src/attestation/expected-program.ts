import { type EbpfFilter, encodeEbpf, encodeProgram, fromTuples, type Program, withDescriptors } from '@bpfleet/bpf';
import { digestOf, type FilterVersion, fromBase64, type Statement } from '@bpfleet/contract';
import { expectedEvidence, type TagAlgorithm, tagOf } from '@bpfleet/linux';
import { byInterface, byInterfaceEbpf, type LinkMember, link, linkAlone } from '@bpfleet/pcap-filter';
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

function expectedOn(linking: Linking, versions: readonly Member[]): ExpectedProgram | undefined {
  if (linking.target === 'cbpf') {
    const program = classicOf(linking, versions);
    return program && { hash: hashOf(encodeProgram(program)) };
  }
  const filter = extendedOf(linking, versions);
  return filter && extended(filter);
}

/** Of a socket that is bound to no interface: what each kind of them runs, behind the question where a packet was seen. */
function expectedShared(
  linking: Linking,
  branches: NonNullable<Statement['branches']>,
  digests: readonly string[],
  versions: readonly Member[],
): ExpectedProgram | undefined {
  const byDigest = new Map(versions.map((version) => [version.digest, version]));
  const loopback = branches.flatMap(({ interfaces }) => interfaces).find(({ isLoopback }) => isLoopback)?.index;
  /** What each branch runs, or undefined when that is not known of one. */
  function each<T>(made: (linking: Linking, members: readonly Member[]) => T | undefined) {
    const all = branches.flatMap(({ interfaces, linkType, members: places }) => {
      const members = places.flatMap((place) => byDigest.get(digests[place] ?? '') ?? []);
      const program = members.length < places.length ? undefined : made({ ...linking, linkType }, members);
      return program === undefined ? [] : [{ interfaces: interfaces.map(({ index }) => index), program }];
    });
    return all.length < branches.length ? undefined : all;
  }
  if (linking.target === 'cbpf') {
    const classic = each(classicOf);
    return classic && { hash: hashOf(encodeProgram(byInterface(classic, loopback))) };
  }
  const filters = each(extendedOf)?.map(({ interfaces, program }) => ({ interfaces, filter: program }));
  return filters && extended(byInterfaceEbpf(filters, loopback));
}

/** @returns undefined when one has no classic program for the link type */
function classicOf(linking: Linking, versions: readonly Member[]): Program | undefined {
  const members = classicMembers(linking.linkType, versions);
  return members && link({ ...requestOf(linking), target: 'cbpf', members }).program;
}

/** One with maps has a socket to itself. @returns undefined when they have no such program */
function extendedOf(linking: Linking, versions: readonly Member[]): EbpfFilter | undefined {
  const [source] = versions.map((version) => sourceOf(version, linking.linkType));
  if (source?.target === 'ebpf') return versions.length === 1 ? aloneOf(linking, source) : undefined;
  const members = classicMembers(linking.linkType, versions);
  return members && { program: link({ ...requestOf(linking), target: 'ebpf', members }).program, maps: [] };
}

function aloneOf(
  { linkType, linkerVersion, excluded }: Linking,
  { instructions, maps }: Extract<FilterVersion['programs'][number], { target: 'ebpf' }>,
): EbpfFilter {
  const program = instructions.map(([code, dst, src, off, imm]) => ({ code, dst, src, off, imm }));
  return {
    program: linkAlone({ linkerVersion, linkType, excluded, program }),
    maps: maps.map((map) => ({ ...map, keys: fromBase64(map.keys) })),
  };
}

const requestOf = ({ linkType, linkerVersion, excluded }: Linking) => ({
  ...{ linkType, linkerVersion, excluded },
  cooked: linkType === 'LINUX_SLL2',
});

const sourceOf = ({ programs }: Member, linkType: string) =>
  programs.find((one) => one.form === 'live' && one.linkType === linkType);

/** @returns undefined when one has no classic program for the link type */
function classicMembers(linkType: string, versions: readonly Member[]): LinkMember[] | undefined {
  const members = versions.flatMap((version) => {
    const source = sourceOf(version, linkType);
    if (source?.target !== 'cbpf') return [];
    const { digest, snaplenBytes } = version;
    return [{ digest: digest.replace('sha256:', ''), program: fromTuples(source.instructions), snaplenBytes }];
  });
  return members.length < versions.length ? undefined : members;
}

function extended({ program, maps }: EbpfFilter): ExpectedProgram {
  const encode = (descriptors: readonly number[]) => encodeEbpf(withDescriptors(program, descriptors));
  const bytes = encode(maps.map(() => 0));
  const tags = { sha1: tagOf(bytes, 'sha1'), sha256: tagOf(bytes, 'sha256') };
  const found = expectedEvidence({ maps, encode }, 'sha256').maps;
  return { hash: hashOf(bytes), loaded: { tags, maps: found.map(({ digest }) => digest) } };
}

const hashOf = (bytes: Uint8Array): string => digestOf(bytes, nodeCrypto);
