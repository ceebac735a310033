import type { CompileRequest, FilterProgram } from '@bpfleet/contract';

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
  abstract readonly linkTypes: readonly string[];
  /** @throws BpfleetError `FILTER_SYNTAX`, `FILTER_UNSUPPORTED`, `NEVER_MATCHES`, `FILTER_TOO_LARGE`, each with its span */
  abstract compile(input: CompileInput): Compiled;
}
