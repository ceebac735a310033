import { jitThreeValued, type Program, UNDECIDED } from '@bpfleet/bpf';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import { LinkType, linkTypeName } from '@bpfleet/packet';
import { compileWithSets, type SetCompilation, supportedLinkTypes } from '@bpfleet/pcap-filter';
import { directedPredicate } from './directed-predicate.js';
import type { Direction } from './packet-direction.js';
import type { PacketPredicate, PacketPredicates } from './packet-verdict.js';
import { isTagMetadata } from './vlan-metadata.js';

/**
 * What an expression means for stored packets of each link type, compiled when the first of them comes.
 * @throws BpfleetError with the span in the expression
 */
export function packetPredicates(expression: string): PacketPredicates {
  if (expression.trim() === '') return () => () => 'yes';
  const forms = new FileForms(expression);
  refuseFaults(forms);
  const made = new Map<string, PacketPredicate>();
  const predicates = (linkType: number, direction?: Direction): PacketPredicate => {
    const key = `${linkType} ${direction}`;
    const known = made.get(key);
    if (known) return known;
    const predicate = predicateOn(forms, linkType, direction);
    made.set(key, predicate);
    return predicate;
  };
  return Object.assign(predicates, { ethernetProgram: () => programAlone(forms, linkTypeName(LinkType.EN10MB)) });
}

/** An expression in the form for files, compiled once for each link type. */
class FileForms {
  readonly #made = new Map<string, SetCompilation>();

  constructor(readonly expression: string) {}

  /** @throws BpfleetError with the span in the expression */
  on(linkType: string): SetCompilation {
    const known = this.#made.get(linkType) ?? compileWithSets(this.expression, { linkType });
    this.#made.set(linkType, known);
    return known;
  }
}

/** undefined: there is none, or it asks for more than a packet. */
function programAlone(forms: FileForms, linkType: string): Program | undefined {
  try {
    const { program, sets } = forms.on(linkType);
    return sets.length === 0 ? program : undefined;
  } catch (error) {
    if (error instanceof BpfleetError) return undefined;
    throw error;
  }
}

function predicateOn(forms: FileForms, linkType: number, direction: Direction | undefined): PacketPredicate {
  const name = linkTypeName(linkType);
  // Not "no": the expression may mean something for them that this build cannot evaluate.
  if (!supportedLinkTypes.includes(name)) return undecided;
  const asFile = meaningOf(() => filePredicate(forms, name));
  // A term that no form has on this link type: no filter runs there, so none of its packets would have been captured.
  const withoutForm = asFile === undefined ? no : undecided;
  const asKernel = lazily(
    () => meaningOf(() => directedPredicate(forms.expression, linkType, direction)) ?? withoutForm,
  );
  return linkType === LinkType.EN10MB ? ethernetPredicate(asFile ?? asKernel, asKernel) : (asFile ?? asKernel);
}

const undecided: PacketPredicate = () => 'undecided';
const no: PacketPredicate = () => 'no';

/**
 * Faults of the expression are told before anything is read; that it means nothing on some link types is none, nor that
 * only the kernel's view of a packet says something (`outbound and vlan 5`).
 * @throws BpfleetError with the span in the expression
 */
function refuseFaults(forms: FileForms): void {
  let fault: unknown;
  for (const live of [false, true]) {
    for (const linkType of supportedLinkTypes) {
      try {
        if (live) compileWithSets(forms.expression, { linkType, live });
        else forms.on(linkType);
        return;
      } catch (error) {
        if (!(error instanceof BpfleetError)) throw error;
        if (error.code === 'FILTER_SYNTAX' || error.code === 'FILTER_TOO_LARGE') throw error;
        // Ethernet stands first: its reason is the one that people understand.
        fault ??= error;
      }
    }
  }
  throw fault;
}

/** In one form on one link type; undefined where the expression has a term that does not exist there. */
function meaningOf(make: () => PacketPredicate): PacketPredicate | undefined {
  try {
    return make();
  } catch (error) {
    if (hasCode(error, 'NEVER_MATCHES')) return no;
    if (hasCode(error, 'FILTER_UNSUPPORTED')) return undefined;
    throw error;
  }
}

function filePredicate(forms: FileForms, linkType: string): PacketPredicate {
  const { program, sets } = forms.on(linkType);
  const run = jitThreeValued(program, sets);
  return (bytes, { start, capturedLength, wireLength }) => {
    const value = run(bytes, start, capturedLength, wireLength);
    return value === UNDECIDED ? 'undecided' : value === 0 ? 'no' : 'yes';
  };
}

/**
 * The VLAN rule (docs/20-filter-language.md, the live form): the kernel took the outer tag out of the bytes before the filter ran, so marked
 * packets are evaluated without it, the tag as metadata, by the live form. All others are bytes of a file. Each form may
 * match nothing, or have no meaning, while the other does: `ether proto 0x0800 and vlan` matches tagged packets alone.
 */
function ethernetPredicate(asFile: PacketPredicate, asKernel: PacketPredicate): PacketPredicate {
  return (bytes, packet) => (isTagMetadata(packet) ? asKernel(bytes, packet) : asFile(bytes, packet));
}

/** Most queries meet no packet of the other form. */
function lazily(make: () => PacketPredicate): PacketPredicate {
  let made: PacketPredicate | undefined;
  return (bytes, packet) => {
    made ??= make();
    return made(bytes, packet);
  };
}
