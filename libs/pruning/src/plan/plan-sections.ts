import { BpfleetError } from '@bpfleet/errors';
import { linkTypeNumber } from '@bpfleet/packet';
import { type Prefilter, prefilterOf, printPrefilter, supportedLinkTypes } from '@bpfleet/pcap-filter';
import { layerOf } from '../tokens/layers.js';
import { countTokens, fitted } from './fitted.js';
import { EVERY_SECTION, type SectionTest } from './section-test.js';
import { tokenTest } from './token-test.js';

/** A section costs some 150 µs to read and evaluate, a token that is not there some 50 ns to ask for. */
const MOST_TOKENS = 256;
/** Where there are more, an address is asked for with its next shorter prefix only: most of the others are everywhere. */
const FEW_TOKENS = 16;
const ALL_PREFIXES = 4;
/** Longer expressions are analysed for Ethernet alone: half a millisecond for each kilobyte and link type adds up. */
const LONG_EXPRESSION = 32_768;

/** Link types on which the expression asks for the same. */
interface Group {
  readonly prefilter: Prefilter;
  readonly linkTypes: readonly number[];
}

/**
 * Which sections can have a packet that the expression matches, or leaves undecided. What an expression means depends on
 * the link type; sections of those that no filter can be compiled for are opaque.
 * @param expression one that has been found right for some link type; it is compiled without options, as queries do
 */
export function planSections(expression: string): SectionTest {
  if (expression.trim() === '') return EVERY_SECTION;
  const groups = groupsOf(expression).filter(({ prefilter }) => prefilter.kind !== 'none');
  const tests = groups.map(({ prefilter, linkTypes }) => {
    const fits = fitted(prefilter, Math.floor(MOST_TOKENS / groups.length));
    const test = testOf(fits, countTokens(fits) > FEW_TOKENS ? 2 : ALL_PREFIXES);
    // Alone it needs no link type: of others nothing can match.
    return groups.length === 1 ? test : joined('and', [test, ofLinkTypes(linkTypes)]);
  });
  return joined('or', tests);
}

/** Sections with packets of the link type, besides those that are opaque. */
export const ofLinkTypes = (linkTypes: readonly number[]): SectionTest => ({
  kind: 'layers',
  anyOf: linkTypes.map(layerOf.linkType),
});

/** Both, or one of all. */
export function joined(kind: 'and' | 'or', tests: readonly SectionTest[]): SectionTest {
  const [neutral, deciding] = kind === 'and' ? (['all', 'none'] as const) : (['none', 'all'] as const);
  const parts = tests
    .filter((test) => test.kind !== neutral)
    .flatMap((test) => (test.kind === kind ? test.parts : test));
  const decided = parts.find((test) => test.kind === deciding);
  if (decided !== undefined) return decided;
  return parts.length === 1 ? parts[0]! : parts.length === 0 ? { kind: neutral } : { kind, parts };
}

function groupsOf(expression: string): Group[] {
  const groups = new Map<string, { prefilter: Prefilter; linkTypes: number[] }>();
  for (const name of supportedLinkTypes) {
    const prefilter = prefilterOn(expression, name);
    const printed = printPrefilter(prefilter);
    const group = groups.get(printed) ?? { prefilter, linkTypes: [] };
    groups.set(printed, group);
    group.linkTypes.push(linkTypeNumber(name)!);
  }
  return [...groups.values()];
}

/** Stored packets of Ethernet are evaluated as a file's, and as a kernel's where the tag was metadata. */
function prefilterOn(expression: string, linkType: string): Prefilter {
  if (linkType !== 'EN10MB' && expression.length > LONG_EXPRESSION) return { kind: 'all' };
  const ofFile = prefilterIn(expression, { linkType, live: false });
  if (linkType !== 'EN10MB' && ofFile !== undefined) return ofFile;
  const ofKernel = prefilterIn(expression, { linkType, live: true });
  // No filter runs on such a link type, and none of its packets matches.
  if (ofFile === undefined && ofKernel === undefined) return { kind: 'none' };
  // What has a meaning in one form alone may be undecided in the other.
  if (ofFile === undefined || ofKernel === undefined) return { kind: 'all' };
  return printPrefilter(ofFile) === printPrefilter(ofKernel) ? ofFile : { kind: 'or', parts: [ofFile, ofKernel] };
}

/** Undefined where a term does not exist in this form on the link type. */
function prefilterIn(
  expression: string,
  form: { readonly linkType: string; readonly live: boolean },
): Prefilter | undefined {
  try {
    // Optimising tells that nothing can match, and takes half of the time. It is asked of the link type that nearly all have.
    return prefilterOf(expression, { ...form, optimize: form.linkType === 'EN10MB' });
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    if (error.code === 'FILTER_UNSUPPORTED') return undefined;
    return { kind: error.code === 'NEVER_MATCHES' ? 'none' : 'all' };
  }
}

function testOf(prefilter: Prefilter, prefixes: number): SectionTest {
  switch (prefilter.kind) {
    case 'all':
    case 'none':
      return prefilter;
    case 'token':
      return tokenTest(prefilter.token, prefixes);
    case 'or':
      return joined(
        'or',
        prefilter.parts.map((part) => testOf(part, prefixes)),
      );
    case 'and':
      return joined(
        'and',
        prefilter.parts.toSorted((a, b) => rank(a) - rank(b)).map((part) => testOf(part, prefixes)),
      );
  }
}

/** Addresses first, as they are rarest; then what is cheap to ask. */
function rank(prefilter: Prefilter): number {
  if (prefilter.kind !== 'token') return 3 + countTokens(prefilter);
  const { kind } = prefilter.token;
  if (kind === 'ipv4' || kind === 'ipv6' || kind === 'mac') return 0;
  return kind === 'port' || kind === 'vlan' ? 1 : 2;
}
