import { formatProgram, toTuples } from '@bpfleet/bpf';
import { compile } from '@bpfleet/pcap-filter';
import { type Compiled, type CompileInput, FilterCompiler } from './filter-compiler.js';

/** Our own compiler of libpcap's language. */
export class PcapFilterCompiler extends FilterCompiler {
  /** Those of the interfaces that agents capture on; the compiler knows more, for files. */
  override readonly linkTypes: readonly string[] = ['EN10MB', 'RAW'];

  override compile({ expression, linkType, snaplenBytes, optimize, live }: CompileInput): Compiled {
    const { program } = compile(expression, { linkType, snaplenBytes, optimize, live });
    return { instructions: toTuples(program).map(([...tuple]) => tuple), listing: formatProgram(program, 'd') };
  }
}
