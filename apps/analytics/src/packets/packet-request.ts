import { type PacketQuery, parseInstantNs } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { LinkType, linkTypeNumber } from '@bpfleet/packet';
import { joined, ofLinkTypes, planSections, type SectionTest } from '@bpfleet/pruning';
import { scanLimits } from './config.js';
import { packetPredicates } from './packet-predicate.js';
import type { PacketCriteria } from './packet-scan.js';
import type { ScanLimits } from './scan-budget.js';

/** A query whose every part was understood. */
export interface PacketRequest extends PacketCriteria {
  readonly agent?: string | undefined;
  /** Of the sections' indexes: what does not pass has nothing for this query. */
  readonly sectionTest: SectionTest;
  /** Undefined: all of the range. */
  readonly limit: number | undefined;
  /** Whether a file may hold several link types. */
  readonly mixed: boolean;
  readonly budget: Pick<ScanLimits, 'timeMs' | 'packets'>;
}

/** What becomes of the packets. */
export type AnswerForm = 'rows' | 'pcapng' | 'pcap';

const DEFAULT_ROWS = 100;

/**
 * @param form rows always have a limit, capture files only when asked for
 * @throws BpfleetError `REQUEST_INVALID`, or what the filter language says of the expression
 */
export function packetRequest(query: PacketQuery, form: AnswerForm, nowMs: number): PacketRequest {
  const sinceNs = parseInstantNs(query.since, nowMs);
  const untilNs = parseInstantNs(query.until, nowMs);
  if (sinceNs >= untilNs) {
    throw new BpfleetError('REQUEST_INVALID', `the range from ${query.since} to ${query.until} is empty`, {
      hint: 'since is the earlier one; -15m means 15 minutes ago',
    });
  }
  const linkType = query.linktype === undefined ? undefined : linkTypeOf(query.linktype);
  return {
    sinceNs,
    untilNs,
    // First: it refuses what is no expression.
    predicateOf: packetPredicates(query.filter),
    sectionTest: sectionTestOf(query.filter, linkType),
    agent: query.agent,
    version: query.version === undefined ? undefined : versionOf(query.version),
    linkType,
    mixed: isMixed(query, form),
    limit: form === 'rows' ? rowLimit(query.limit) : query.limit || undefined,
    budget: {
      timeMs: query.timeoutMs ?? (form === 'rows' ? scanLimits.rowsTimeMs : scanLimits.fileTimeMs),
      packets: query.maxScanned,
    },
  };
}

function sectionTestOf(expression: string, linkType: number | undefined): SectionTest {
  const test = planSections(expression);
  return linkType === undefined ? test : joined('and', [test, ofLinkTypes([linkType])]);
}

function isMixed({ mixed, linktype }: PacketQuery, form: AnswerForm): boolean {
  if (mixed !== 'true') return false;
  if (form !== 'pcapng') {
    throw new BpfleetError('REQUEST_INVALID', 'mixed=true, several link types in one file, is for pcapng', {
      hint: `ask with Accept: application/x-pcapng, or leave it out${form === 'rows' ? ': rows are of all link types' : ''}`,
    });
  }
  if (linktype !== undefined) {
    throw new BpfleetError('REQUEST_INVALID', `linktype=${linktype} is one link type, mixed=true are all`, {
      hint: 'leave one of them out',
    });
  }
  return true;
}

function rowLimit(limit = DEFAULT_ROWS): number {
  if (limit > 0) return limit;
  throw new BpfleetError('REQUEST_INVALID', 'limit=0, all packets, is for capture files', {
    hint: 'ask with Accept: application/x-pcapng, or name a limit',
  });
}

export function versionOf(text: string): string {
  if (/^[a-z][a-z0-9-]{0,62}(@[1-9]\d{0,8})?$/.test(text)) return text;
  throw new BpfleetError('REQUEST_INVALID', `"${text}" is not a filter`, {
    hint: 'write version=web for all versions of a filter, version=web@3 for one',
  });
}

function linkTypeOf(name: string): number {
  const number = linkTypeNumber(name) ?? numbered(name);
  if (number !== undefined) return number;
  throw new BpfleetError('REQUEST_INVALID', `"${name}" is not a link type`, {
    hint: `one of ${Object.keys(LinkType).join(', ')}, or LINKTYPE_n`,
  });
}

/** Two bytes of an interface description block. */
const MAX_LINK_TYPE = 0xffff;

/** How a link type without a name is shown, and so asked for. */
function numbered(name: string): number | undefined {
  const digits = /^LINKTYPE_(\d{1,5})$/i.exec(name)?.[1];
  return digits === undefined || Number(digits) > MAX_LINK_TYPE ? undefined : Number(digits);
}
