import { fromTuples, type Packet, type Program } from '@bpfleet/bpf';
import { Libpcap, type LibpcapOptions } from '@bpfleet/linux';
import type { Requirement } from '../../environment/src/requirements.js';
import type { LinkForm } from '../link-types.js';
import { type Run, run } from './machine.js';
import { repairChain } from './repair.js';

/** 255.255.255.0: with it `ip broadcast` compiles. */
export const NETMASK = { text: '255.255.255.0', number: 0xffff_ff00 } as const;

/** What libpcap makes of an expression: its optimised and its plain form, or why it refuses. */
export interface Theirs {
  readonly plain: Program;
  /** A text where the optimiser alone refuses: "expression rejects all packets". */
  readonly optimised: Program | string;
  /** NULL from a file of the other byte order; see `formFor`. */
  readonly swapped?: Theirs;
}

/** The installed libpcap, as a need of a suite. */
export function installedLibpcap(): Requirement<{ libpcap: Libpcap }> {
  try {
    return { libpcap: Libpcap.open() };
  } catch (error) {
    return { unavailable: error instanceof Error ? error.message : String(error) };
  }
}

/** What is done to libpcap's programs before they count. */
export type Repair = (program: Program) => Program;

/** Undefined message parts do not occur: libpcap always says why. */
export function askLibpcap(
  libpcap: Libpcap,
  expression: string,
  form: LinkForm,
  repair: Repair = repairChain,
): Theirs | { refusal: string } {
  const ask = (options: LibpcapOptions) => askOnce(libpcap, expression, options, repair);
  // Only a tag beside the bytes needs an open interface; all else is compiled for live captures where there is no file.
  if (form.live) return ask(form.linkType === 'EN10MB' ? { live: true } : { linkType: form.dlt });
  const native = ask({ linkType: form.dlt, savefile: 'native' });
  if (form.linkType !== 'NULL' || 'refusal' in native) return native;
  const swapped = ask({ linkType: form.dlt, savefile: 'swapped' });
  return 'refusal' in swapped ? swapped : { ...native, swapped };
}

function askOnce(
  libpcap: Libpcap,
  expression: string,
  options: LibpcapOptions,
  repair: Repair,
): Theirs | { refusal: string } {
  const plain = libpcap.compile(expression, { ...options, netmask: NETMASK.number, optimize: false });
  if ('refusal' in plain) return plain;
  const optimised = libpcap.compile(expression, { ...options, netmask: NETMASK.number, optimize: true });
  return {
    plain: repair(fromTuples(plain.program)),
    optimised: 'refusal' in optimised ? optimised.refusal : repair(fromTuples(optimised.program)),
  };
}

/**
 * The form for this packet. A file does not say in a frame which byte order its NULL headers have; ours, for files, takes
 * both. Address families are small, so a frame tells by where its zeros are.
 */
export function formFor(theirs: Theirs, packet: Packet): Theirs {
  if (theirs.swapped === undefined) return theirs;
  const [first = 0, second = 0] = packet.bytes.subarray(packet.start);
  return first === 0 && second === 0 ? theirs.swapped : theirs;
}

export interface TheirRuns {
  readonly plain: Run;
  readonly optimised: Run;
}

export function runTheirs(theirs: Theirs, packet: Packet): TheirRuns {
  const form = formFor(theirs, packet);
  const plain = run(form.plain, packet);
  const { optimised } = form;
  return { plain, optimised: typeof optimised === 'string' ? { value: 0, ending: 'return' } : run(optimised, packet) };
}
