import { formatProgram, toEbpfTuples, toTuples } from '@bpfleet/bpf';
import { type BundleProgram, type BundleTestPacket, toBase64 } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { compile, compileEbpf, type SelfTestPacket, selfTestPackets } from '@bpfleet/pcap-filter';
import { type Compiled, type CompileInput, FilterCompiler } from './filter-compiler.js';

/** Packets per program: they try most conditions of most filters on both sides, and keep a bundle small. */
const MAX_SELF_TEST_PACKETS = 48;

/** Our own compiler of libpcap's language. */
export class PcapFilterCompiler extends FilterCompiler {
  /** Those that agents find on interfaces, by ARPHRD; the compiler knows more, for files. */
  override readonly linkTypes: readonly string[] = ['EN10MB', 'RAW', 'LINUX_SLL2', 'PPP', 'IEEE802_11_RADIO'];
  override readonly name = 'pcap-filter 0.1.0';

  override compile({ expression, linkType, snaplenBytes, optimize, live }: CompileInput): Compiled {
    const { program } = compile(expression, { linkType, snaplenBytes, optimize, live });
    return { instructions: toTuples(program).map(([...tuple]) => tuple), listing: formatProgram(program, 'd') };
  }

  override compileForAgents(input: Pick<CompileInput, 'expression' | 'linkType' | 'snaplenBytes'>): BundleProgram {
    try {
      return classicProgram(input);
    } catch (error) {
      if (!(error instanceof BpfleetError) || error.code !== 'FILTER_TOO_LARGE') throw error;
      return extendedProgram(input);
    }
  }
}

type Input = Parameters<FilterCompiler['compileForAgents']>[0];

function classicProgram({ expression, ...options }: Input): BundleProgram {
  const compilation = compile(expression, { ...options, live: true });
  return {
    linkType: options.linkType,
    form: 'live',
    target: 'cbpf',
    instructions: toTuples(compilation.program).map(([...tuple]) => tuple),
    selfTest: packetsOf(selfTestPackets(compilation, { ...options, maxPackets: MAX_SELF_TEST_PACKETS }).packets),
  };
}

function extendedProgram({ expression, ...options }: Input): BundleProgram {
  const { filter, stages } = compileEbpf(expression, { ...options, live: true });
  return {
    linkType: options.linkType,
    form: 'live',
    target: 'ebpf',
    instructions: toEbpfTuples(filter.program),
    maps: filter.maps.map((map) => ({ ...map, keys: toBase64(map.keys) })),
    selfTest: packetsOf(selfTestPackets({ stages }, { ...options, maxPackets: MAX_SELF_TEST_PACKETS }).packets),
  };
}

const packetsOf = (packets: readonly SelfTestPacket[]): BundleTestPacket[] =>
  packets.map(({ bytes, ...packet }) => ({ ...packet, bytes: toBase64(bytes) }));
