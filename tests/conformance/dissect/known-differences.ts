import type { Answers, Difference } from './comparison.js';

/** A difference from the installed tshark that is meant, and why. */
export interface KnownDifference {
  readonly name: string;
  readonly reason: string;
  readonly matches: (difference: Difference, answers: Answers) => boolean;
}

const NO_LAYERS = { ours: '', theirs: '' };
const withoutProblems = (layers: string) => layers.replaceAll(/ _ws\.\w+/g, '');

export const knownDifferences: readonly KnownDifference[] = [
  {
    name: 'quotes',
    reason:
      'Of what an ICMP error quotes, ours says where the quote ends, and shows a payload as data and the sequence number even where the TCP header is not whole; tshark does not.',
    matches: ({ ours, theirs, layers }, { frame }) =>
      frame.kinds.some((kind) => kind.endsWith(' error')) &&
      (layers === undefined
        ? theirs === undefined && ['data.data', 'tcp.seq_raw'].includes(ours!.name)
        : layers.ours.replace(/ (_ws.unreassembled|data)$/, '') === layers.theirs),
  },
  {
    name: 'chunks behind data',
    reason: 'tshark begins a second layer “sctp” for the chunks behind a DATA chunk; in ours all are in the first.',
    matches: ({ layers: { ours, theirs } = NO_LAYERS }) =>
      theirs.includes(' data sctp') &&
      withoutProblems(ours).startsWith(withoutProblems(theirs).replaceAll(' data sctp', ' data')),
  },
  {
    name: 'start lines that are cut',
    reason:
      'tshark shows the parts of a request line that ends before them as empty, and at port 80 takes a method that is cut, or a method of WebDAV without the version behind it, for HTTP.',
    matches: ({ ours, theirs, layers }, { frame }) =>
      frame.kinds.some((kind) => kind === 'cut' || kind.endsWith('first fragment')) &&
      (layers === undefined
        ? ours === undefined && /^http\.request\.(method|uri[.a-z]*|version)$/.test(theirs!.name)
        : layers.ours.replace(/ data$/, ' http') === layers.theirs.replace(/ _ws.short$/, '')),
  },
  {
    name: 'records cut in their type',
    reason:
      'At port 443 tshark takes one byte for TLS. Ours wants type and version, three bytes, before it believes that.',
    matches: ({ layers }) =>
      layers !== undefined && layers.ours.replace(/ data$/, ' tls') === layers.theirs.replace(/ _ws.short$/, ''),
  },
  {
    name: 'segments in fragments',
    reason:
      'Of a segment in a tunnel whose outer packet is a fragment, tcp.len is what the inner header says in ours, and what this fragment holds of it in tshark.',
    matches: ({ ours, theirs }, { frame }) =>
      ours?.name === 'tcp.len' &&
      theirs?.name === 'tcp.len' &&
      ['in IP', 'first fragment'].every((kind) => frame.kinds.some((one) => one.endsWith(kind))),
  },
  {
    name: 'padding at the end',
    reason:
      'Of a Pad1 option (RFC 8200, 4.2) that is the last byte of its packet, tshark wants the length that it has not.',
    matches: ({ ours, theirs, layers }, { frame }) =>
      frame.bytes.at(-1) === 0 &&
      (layers === undefined
        ? theirs === undefined && /^ipv6\.opt\.(type|pad1)$/.test(ours!.name) && ours!.offset === frame.bytes.length - 1
        : withoutProblems(layers.theirs) === layers.ours),
  },
];

/** The name of the known difference that explains this one. */
export function knownDifference(difference: Difference, answers: Answers): string | undefined {
  return knownDifferences.find(({ matches }) => matches(difference, answers))?.name;
}
