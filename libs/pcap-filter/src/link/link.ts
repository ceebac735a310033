import type { EbpfProgram } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type AloneInput, linkAlone as linkAloneV1 } from './v1/link-alone.js';
import { type LinkedClassic, type LinkedEbpf, type LinkInput, linkClassic, linkEbpf } from './v1/link-v1.js';

export type { LinkedClassic, LinkedEbpf } from './v1/link-v1.js';
export type { LinkMember } from './v1/members.js';
export type { ExcludedEndpoint } from './v1/own-traffic.js';

/** A linker never changes what it answers; a better one gets the next version, and agents are told which to use. */
export const linkerVersions = [1] as const;

export interface LinkRequest extends LinkInput {
  readonly linkerVersion: number;
  readonly target: 'cbpf' | 'ebpf';
}

/**
 * Joins the programs of several filters into one for the kernel: it accepts a packet exactly where at least one of them does,
 * short packets included, and refuses bpfleet's own TCP connections in front of those that do not include them. The same
 * input gives the same program on every machine and for ever, in whatever order members and endpoints come.
 *
 * An accepted packet keeps `acceptBytes`: the most that a member keeps or reads, so that user space can decide again which
 * members accept it. The metadata that ends a classic program where a packet has no device (`ifindex`, `hatype`) ends the
 * linked one as well; captured packets have one.
 * @throws BpfleetError `FILTER_UNSUPPORTED` for an unknown linker version and what it says there, `FILTER_TOO_LARGE`,
 *   `PROGRAM_INVALID`, `REQUEST_INVALID`
 */
export function link(request: LinkRequest & { readonly target: 'cbpf' }): LinkedClassic;
export function link(request: LinkRequest & { readonly target: 'ebpf' }): LinkedEbpf;
export function link(request: LinkRequest): LinkedClassic | LinkedEbpf;
export function link(request: LinkRequest): LinkedClassic | LinkedEbpf {
  refuseUnknownVersion(request);
  return request.target === 'cbpf' ? linkClassic(request) : linkEbpf(request);
}

export interface LinkAloneRequest extends AloneInput {
  readonly linkerVersion: number;
}

/**
 * What a filter with maps runs as, on a socket of its own: the same program behind the test for bpfleet's own connections.
 * @throws BpfleetError as `link`
 */
export function linkAlone(request: LinkAloneRequest): EbpfProgram {
  refuseUnknownVersion(request);
  return linkAloneV1(request);
}

function refuseUnknownVersion({ linkerVersion }: { readonly linkerVersion: number }): void {
  if (linkerVersion === 1) return;
  throw new BpfleetError(
    'FILTER_UNSUPPORTED',
    `there is no linker version ${linkerVersion}; this release knows ${linkerVersions.join(', ')}`,
  );
}
