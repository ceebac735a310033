import type { Completeness } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { LinkType, linkTypeName } from '@bpfleet/packet';
import { scanSection } from '@bpfleet/section';
import type { StoredSection } from '@bpfleet/store';
import { NewestPackets } from './newest-packets.js';
import { sectionId } from './packet-id.js';
import type { PacketRequest } from './packet-request.js';
import { PacketScan } from './packet-scan.js';
import type { Passed } from './range-figures.js';
import type { ScanBudget } from './scan-budget.js';
import { sectionQuery } from './section-query.js';
import type { SectionSource } from './section-source.js';

/** What is known of a capture file before its first byte: a file cannot be taken back. */
export interface FilePlan {
  /** Undefined: of several. */
  readonly linkType: number | undefined;
  /** With a limit: where its packets are. The oldest of them were captured at `cutNs`. */
  readonly newest?: {
    readonly cutNs: bigint;
    /** Of the very time of the cut: by section the first packet that is in, as its index. Those behind it are in, too. */
    readonly firstAtCut: ReadonlyMap<string, number>;
    readonly sectionIds: ReadonlySet<string>;
  };
  readonly rangeScanned: boolean;
  /** What ended the search before the range was through, where it was the budget. */
  readonly stoppedBy?: Completeness['stoppedBy'];
  /** With a limit: how far the search for the newest packets came. */
  readonly passed?: Passed;
}

/**
 * Looks through the answer once, and keeps nothing of it but what the second pass needs to write it in time order
 * with bounded memory: the link type, unless it may have several, and with a limit, where the newest packets begin.
 * Without a limit it takes half of the time at most, so that there is a file in any case.
 * @throws BpfleetError `SEVERAL_LINK_TYPES` that names them
 */
export async function planFile(source: SectionSource, request: PacketRequest, budget: ScanBudget): Promise<FilePlan> {
  if (request.limit !== undefined) return planNewest(source, request, budget);
  if (request.mixed || request.linkType !== undefined) return { linkType: request.linkType, rangeScanned: true };
  const first = budget.half();
  try {
    const linkType = onlyLinkType(await linkTypesOf(source, request, first));
    // Packets of another one may be where it did not come to: the file leaves them out.
    return { linkType, rangeScanned: first.stoppedBy === undefined, stoppedBy: first.stoppedBy };
  } finally {
    first.clear();
  }
}

async function planNewest(source: SectionSource, request: PacketRequest, budget: ScanBudget): Promise<FilePlan> {
  const newest = new NewestPackets(source, request, budget);
  const linkTypes = new Set<number>();
  // As many ids as there are sections with a packet in the file.
  const sectionIds = new Set<string>();
  const firstAtCut = new Map<string, number>();
  let cutNs = request.untilNs;
  for await (const run of newest.packets()) {
    for (const packet of run) {
      linkTypes.add(packet.interface.linkType);
      const id = sectionId(packet.section);
      sectionIds.add(id);
      if (packet.atNs !== cutNs) firstAtCut.clear();
      cutNs = packet.atNs;
      // Of one time the last of a section comes first.
      firstAtCut.set(id, packet.index);
    }
  }
  return {
    linkType: request.mixed ? undefined : (request.linkType ?? onlyLinkType(linkTypes)),
    newest: { cutNs, firstAtCut, sectionIds },
    rangeScanned: newest.rangeScanned,
    passed: newest.passed,
  };
}

/** Link types of the packets that match. Sections that can only add what is known already are not evaluated. */
async function linkTypesOf(source: SectionSource, request: PacketRequest, budget: ScanBudget): Promise<Set<number>> {
  const scan = new PacketScan(request);
  const linkTypes = new Set<number>();
  const query = sectionQuery(request, 'newest');
  for await (const section of budget.within((signal) => source.sections(query, signal), scan)) {
    if (!holdsOther(section, linkTypes)) continue;
    for (const packet of scan.open(section)) linkTypes.add(packet.interface.linkType);
  }
  return linkTypes;
}

/** Whether an interface of the section is of none of these link types. */
function holdsOther({ body }: StoredSection, known: ReadonlySet<number>): boolean {
  let isOther = false;
  scanSection(body, {
    interface: ({ linkType }) => {
      if (!known.has(linkType)) isOther = true;
    },
    packet: () => {},
  });
  return isOther;
}

function onlyLinkType(linkTypes: ReadonlySet<number>): number {
  const names = [...linkTypes].toSorted((a, b) => a - b).map(linkTypeName);
  if (names.length > 1) {
    throw new BpfleetError('SEVERAL_LINK_TYPES', `the packets are of several link types: ${names.join(', ')}`, {
      hint: `a capture file has one: choose it with linktype=${names[0]}, or mixed=true for a pcapng file that tcpdump does not read`,
    });
  }
  // An empty file says Ethernet, as tcpdump writes it.
  return [...linkTypes][0] ?? LinkType.EN10MB;
}
