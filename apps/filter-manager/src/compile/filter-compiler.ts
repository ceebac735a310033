import type { BundleProgram, CompileRequest, FilterProgram } from '@bpfleet/contract';

export interface CompileInput extends Omit<CompileRequest, 'expression'> {
  readonly expression: string;
  /** The kernel's form, that reads a VLAN tag from the packet's metadata. */
  readonly live: boolean;
}

export interface Compiled {
  readonly instructions: FilterProgram['instructions'];
  /** As `tcpdump -d` prints it. */
  readonly listing: string;
}

/** Turns expressions into programs. */
export abstract class FilterCompiler {
  /** Of the interfaces that agents capture on. */
  abstract readonly linkTypes: readonly string[];
  /** Name and version, for what it makes. */
  abstract readonly name: string;
  /** @throws BpfleetError `FILTER_SYNTAX`, `FILTER_UNSUPPORTED`, `NEVER_MATCHES`, `FILTER_TOO_LARGE`, each with its span */
  abstract compile(input: CompileInput): Compiled;
  /**
   * The program that agents run, with the packets that try it: classic, or eBPF where a classic one would be too long.
   * @throws BpfleetError as `compile`
   */
  abstract compileForAgents(input: Pick<CompileInput, 'expression' | 'linkType' | 'snaplenBytes'>): BundleProgram;
}
