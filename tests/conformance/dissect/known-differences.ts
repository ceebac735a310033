import type { Answers, Difference } from './comparison.js';

/** A difference from the installed tshark that is meant, and why. */
export interface KnownDifference {
  readonly name: string;
  readonly reason: string;
  readonly matches: (difference: Difference, answers: Answers) => boolean;
}

const hasOption = ({ frame }: Answers) => frame.kinds.includes('IPv4 options');
const NO_LAYERS = { ours: '', theirs: '' };
const withoutProblems = (layers: string) => layers.replaceAll(/ _ws\.\w+/g, '');
const nameIn = (names: readonly string[], { ours, theirs }: Difference) => names.includes((ours ?? theirs)?.name ?? '');

export const knownDifferences: readonly KnownDifference[] = [
  {
    name: 'source routes',
    reason:
      'tshark calls the last address of a source route ip.dst, the header’s ip.cur_rt, and those passed ip.rec_rt. Ours shows the bytes as they stand: ip.dst in the header, ip.src_rt for each address of the option.',
    matches: (one, answers) => hasOption(answers) && nameIn(['ip.dst', 'ip.src_rt', 'ip.rec_rt'], one),
  },
  {
    name: 'behind the end of TCP options',
    reason: 'tshark reads padding behind the end-of-options byte as more options; it is padding (RFC 9293, 3.2).',
    matches: ({ ours, theirs }) => ours === undefined && theirs?.name === 'tcp.option_kind' && theirs.show === '0',
  },
  {
    name: 'quotes',
    reason:
      'Of a segment that an ICMP error quotes, tshark has tcp.seq but neither tcp.seq_raw nor tcp.len; of a redirect’s quote it reads the 8 bytes that RFC 792 promises. Ours reads what is there, and says where the quote ends.',
    matches: ({ ours, theirs, layers }, { frame }) =>
      frame.kinds.some((kind) => kind.endsWith(' error')) &&
      (layers === undefined
        ? theirs === undefined && /^(tcp|udp|data)\./.test(ours!.name)
        : layers.ours.replace(/ (_ws.unreassembled|data)$/, '') === layers.theirs),
  },
  {
    name: 'trailers of tagged frames',
    reason: 'tshark calls what follows the packet in a tagged frame vlan.trailer, and adds it to the innermost tag.',
    matches: ({ ours, theirs }, { frame }) =>
      theirs === undefined && ours?.name === 'eth.trailer' && frame.kinds.some((kind) => / tag$|^tagged/.test(kind)),
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
        ? ours === undefined && /^http\.request\.(method|uri|version)$/.test(theirs!.name)
        : layers.ours.replace(/ data$/, ' http') === layers.theirs.replace(/ _ws.short$/, '')),
  },
  {
    name: 'records cut in their type',
    reason:
      'At port 443 tshark takes one byte for TLS. Ours wants type and version, three bytes, before it believes that.',
    matches: ({ layers }) => layers !== undefined && layers.ours.replace(/ data$/, ' tls _ws.short') === layers.theirs,
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
        ? theirs === undefined && ours?.name === 'ipv6.opt.type' && ours.offset === frame.bytes.length - 1
        : withoutProblems(layers.theirs) === layers.ours),
  },
  {
    name: 'owner of SRV records',
    reason: 'tshark splits the name of an SRV record into dns.srv.service, .proto and .name; ours shows dns.resp.name.',
    matches: ({ ours, theirs }) => theirs === undefined && ours?.name === 'dns.resp.name',
  },
];

/** The name of the known difference that explains this one. */
export function knownDifference(difference: Difference, answers: Answers): string | undefined {
  return knownDifferences.find(({ matches }) => matches(difference, answers))?.name;
}
