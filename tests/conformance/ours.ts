import { convertedLength, interpret, type Packet, type Program } from '@bpfleet/bpf';
import type { BpfleetError } from '@bpfleet/errors';
import type { compile } from '@bpfleet/pcap-filter';
import type { LinkForm } from './link-types.js';
import { NETMASK } from './oracle/oracle.js';
import type { OurValues } from './oracle/rule.js';

/** Both forms of an expression as our compiler makes them. */
export interface Ours {
  readonly plain: Program;
  /** `NEVER_MATCHES` where optimising found that no packet can match. */
  readonly optimised: Program | 'NEVER_MATCHES';
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export type Compile = typeof compile;

export function askOurs(
  compile: Compile,
  expression: string,
  { linkType, live }: LinkForm,
): Ours | { refusal: Refusal } {
  const options = { linkType, live, netmask: NETMASK.text };
  try {
    const { program: plain } = compile(expression, { ...options, optimize: false });
    return { plain, optimised: optimisedForm(compile, expression, options) };
  } catch (error) {
    return { refusal: refusalOf(error) };
  }
}

function optimisedForm(compile: Compile, expression: string, options: Parameters<Compile>[1]): Ours['optimised'] {
  try {
    return compile(expression, { ...options, optimize: true }).program;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'NEVER_MATCHES') return 'NEVER_MATCHES';
    throw error;
  }
}

/** Anything but our own error class is a crash of the compiler, and told apart. */
function refusalOf(error: unknown): Refusal {
  // By name: a compiler bundled with a fault brings a class of its own.
  if (error instanceof Error && error.name === 'BpfleetError') {
    return { code: (error as BpfleetError).code, message: error.message };
  }
  return { code: 'CRASH', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function runOurs({ plain, optimised }: Ours, packet: Packet): OurValues {
  return {
    plain: interpret(plain, packet),
    optimised: optimised === 'NEVER_MATCHES' ? 0 : interpret(optimised, packet),
  };
}

/** Whether the kernel is charged more for the optimised form. */
export function isDearer({ plain, optimised }: Ours): boolean {
  return optimised !== 'NEVER_MATCHES' && convertedLength(optimised) > convertedLength(plain);
}
